"""Pure functions on arrays, with constants that have a source and, where they change, a validity interval."""
