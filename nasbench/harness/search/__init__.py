"""A search: what is asked for, the loop, the clock, what the answer is, one run by hand."""
