"""Pure planning: (config, inventory, now) in, `Plan` out. No I/O, no clock, no environment: nothing to mock."""
