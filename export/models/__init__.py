"""Flax NNX models, one a file."""
