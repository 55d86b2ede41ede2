"""What an apply says while it runs and at its end, in each format."""
