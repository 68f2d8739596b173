"""The Raters dock: reading a case."""
