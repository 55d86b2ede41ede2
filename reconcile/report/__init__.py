"""A plan, a diagnostic or an event in; text or JSON out, as values: prints nothing and decides nothing."""
