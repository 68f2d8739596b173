"""A checkpoint held against cases whose masks are known."""
