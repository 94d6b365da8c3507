"""Looking: design spaces, the mapper, sweeps, the run store."""
