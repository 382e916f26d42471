"""Readers of image data sets: official archives, a folder of images, a file of arrays."""
