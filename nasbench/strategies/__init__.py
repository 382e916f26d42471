"""Search strategies: one file per strategy, written to be read next to its paper."""
