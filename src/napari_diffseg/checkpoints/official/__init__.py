"""Checkpoints of the official repositories: read without running anything, checked, made into ours."""
