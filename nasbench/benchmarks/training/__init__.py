"""Answering by training: data sets, recipes, one network at a time or many at once."""
