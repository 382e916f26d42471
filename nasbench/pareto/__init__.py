"""Sets of points with several objectives: dominance, hypervolume, and other measures of a set.

Points are scores, of which larger is better in every objective: arrays of shape (n, objectives)
with finite numbers. A point dominates another if it is at least as good in every objective and
better in one.
"""
