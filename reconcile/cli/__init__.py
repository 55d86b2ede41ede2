"""The commands, one file each: read options, clock and environment, call the packages below, return the exit code."""
