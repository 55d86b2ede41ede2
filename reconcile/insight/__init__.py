"""Questions about the desired and the actual state, whose answers change nothing. The planner has all the rules."""
