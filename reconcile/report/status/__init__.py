"""The status of an account in each format, and its metrics."""
