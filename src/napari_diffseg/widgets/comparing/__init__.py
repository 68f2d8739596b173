"""The Raters dock: comparing the reads of a case."""
