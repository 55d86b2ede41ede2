"""Pure planning: (desired, inventory, now) in, `Plan` out. No I/O, no clock, no environment."""
