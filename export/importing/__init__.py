"""Published checkpoints become bundles: `python -m export import`."""
