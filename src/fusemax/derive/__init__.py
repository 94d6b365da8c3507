"""Deriving: laws and rewrites, Cascade -> Cascade."""
