"""Recipes: frozen dataclasses that name data, schedule, seed and command of a training."""
