"""The explorer and the report in a real browser."""
