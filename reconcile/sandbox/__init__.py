"""A local VPS.org to practise on. Shares no code with `actual/`, so that one mistake cannot hide in both."""
