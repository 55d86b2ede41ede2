"""What the file says: TOML in, `Config` out, and errors that point at a line."""
