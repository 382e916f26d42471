"""Run searches, charge them, store them, compare them."""
