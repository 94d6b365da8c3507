"""Accelerator, Mapping, Schedule, Design and Workload: frozen data and their files."""
