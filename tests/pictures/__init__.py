"""Makes the pictures of the README from real output: `python -m tests.pictures`."""
