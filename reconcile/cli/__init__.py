"""The commands, one file each: read options, clock and environment, call the packages below, return the exit code."""

import gc

# A large account is a million objects that all stay. Looking through them again and again took a third of a plan, and
# looking through what is imported took a twentieth of every command. So this comes before the other imports. What a
# long apply leaves behind is young, and is still found.
gc.set_threshold(200_000, 50, 100)
