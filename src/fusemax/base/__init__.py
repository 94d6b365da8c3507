"""Ground: errors that say where, units, files written whole, results that print as tables."""
