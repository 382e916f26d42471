"""How to search: one file per strategy, readable next to its paper."""
