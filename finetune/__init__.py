"""Datasets, training and what is proved of it."""
