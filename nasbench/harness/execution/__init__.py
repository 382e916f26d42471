"""Where runs happen: in this process, on Ray, interrupted, tuned."""
