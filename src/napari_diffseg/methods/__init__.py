"""The published methods, one file each, and the torch-free table of them."""
