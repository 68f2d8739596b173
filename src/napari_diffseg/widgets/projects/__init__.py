"""The Raters dock: projects, their cases and who reads them."""
