"""Reads and changes the account: the HTTP client, and a complete `Inventory` or an error, never a part of one."""
