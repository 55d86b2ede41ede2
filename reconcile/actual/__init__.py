"""What the account holds: the HTTP client, and a complete `Inventory` or an error, never a part."""
