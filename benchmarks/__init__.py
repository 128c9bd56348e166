"""Measurements: one file a question, peers in the same run, a table for people and JSON for machines."""
