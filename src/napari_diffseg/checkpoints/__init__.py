"""Checkpoint files, the catalogue of them, and the weights that ship."""
