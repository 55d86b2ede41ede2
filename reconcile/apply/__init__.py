"""Carries out a plan. The only package that changes the account: order, waiting and exactly once, but no policy."""
