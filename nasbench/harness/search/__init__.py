"""A search: its task, budget, clock, loop and answer, and the class `Study` for one run."""
