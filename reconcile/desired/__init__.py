"""Reads the files: TOML in, `Config` out, errors that point at a line; and, with the account, `Desired`."""
