"""The disk format: where everything lies, how parts are written and published, and what the catalogue knows."""
