"""What every format of a plan says of its difference to another plan."""
