"""A forecast, and the comparison of two, in each format."""
