"""Attention dataflows as cascades of extended Einsums."""

__version__ = "0.1.0"
