"""Answering requests by training: data sets, recipes, training of one or many networks."""
