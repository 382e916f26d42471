"""A space, a table and a strategy of one's own, found by nasbench through entry points."""
