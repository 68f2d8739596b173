"""Folders of cases: scans with their masks."""
