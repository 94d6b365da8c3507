"""Designs executed: tile by tile (`simulate`), and cycle by cycle on an array (`fusemax.simulate.array`)."""
