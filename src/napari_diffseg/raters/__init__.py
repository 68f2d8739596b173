"""Several people annotate the same case, blind to one another: projects, reads, lesions, agreement."""
