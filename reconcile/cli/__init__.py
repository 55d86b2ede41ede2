"""The commands, one file each: read flags, clock and environment, call the rooms below, pick the exit code."""
