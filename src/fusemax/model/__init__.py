"""Costing: counts, latency, energy and area of a Design; accounting profiles; comparison."""
