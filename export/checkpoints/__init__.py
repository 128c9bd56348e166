"""Readers and writers of published checkpoints, strict about names and shapes."""
