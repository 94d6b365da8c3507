"""Attention dataflows as cascades of extended Einsums: run, count passes, derive, model, simulate, compare."""

__version__ = "0.1.0"
