"""Makes a plan so. The only place that changes the account: knows order, waiting, exactly once; knows no policy."""
