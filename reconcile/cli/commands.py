"""The names of the commands, for the command line and for its completion; cheap to import."""

COMMANDS = {
    "init": "Write a commented starter file for your account, or an example if there is no token.",
    "validate": "Check the files offline and report all errors at once.",
    "list": "List all backups in the account, automatic ones included, newest first for each server.",
    "plan": "Show what apply would create and delete, and why; change nothing.",
    "apply": "Create and delete backups to match the files, or apply a saved plan exactly.",
    "show": "Show a saved plan.",
    "import": "Generate TOML for the backups that the account already has.",
    "status": "Show the health of every series, problems first, and the undeclared backups.",
    "replay": "Plan recorded runs again, offline, and check that every action follows from its files.",
    "restore": "Restore a server, named by its id or its name in the account, from a backup.",
    "forecast": "Forecast how many backups your policies will hold, their size, and how far back they reach.",
    "doctor": "Check the files, the token and the service, and say what to do.",
    "schema": "Print the JSON Schema of the file, for editors.",
    "completion": "Print the completion script for your shell.",
    "help": "Show a page of the reference, a command's options or an example; or list the pages.",
    "sandbox": "Serve a local VPS.org, in memory, until interrupted.",
    "demo": "Show plan, apply, and plan again on a local sandbox; needs no account.",
}
"""Each command and its summary. They are here so that `--help` need not import the commands."""

GROUPS = {
    "Start": ("demo", "sandbox", "init", "import"),
    "Plan and apply": ("plan", "apply", "show"),
    "Look": ("list", "status", "forecast", "replay"),
    "Restore": ("restore",),
    "Check": ("validate", "doctor"),
    "Tools": ("help", "schema", "completion"),
}
"""The commands as `--help` shows them: what a new user needs first."""

SECTIONS = {
    "Output": ("verbose", "quiet", "no_color"),
    "Connection": ("base_url", "token_file", "timeout", "debug"),
    "Tuning": ("parallelism", "max_in_progress", "lock_timeout"),
}
"""The options that `--help` shows in sections below the others, by their names in the code; formats are output too."""

COMPLETE_VARIABLE = "_RECONCILE_COMPLETE"
"""The environment variable in which a completion script names its request."""
