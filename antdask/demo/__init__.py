"""The tour: real files to a verified archive, queries and pictures, in one command."""
