"""Pieces that several strategies are built from; loaded by those that need them."""
