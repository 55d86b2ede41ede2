"""What the files say: TOML in, `Config` out, errors that point at a line; and, with the account, `Desired`."""
