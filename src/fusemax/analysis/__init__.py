"""Thinking: passes, fusion, work, bounds, taxonomy. Never imports the executor, which is an independent check."""
