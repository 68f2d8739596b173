"""LIDC-IDRI's reads: its XML, outlines, CT series, and the project made of them."""
