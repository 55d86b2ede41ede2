"""A plan, new or saved, in each format."""
