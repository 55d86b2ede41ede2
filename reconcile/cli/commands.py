"""The names of the commands, for the command line itself and for its completion; importing this costs nothing."""

COMMANDS = {
    "init": "Write a commented first file for the account at hand, or an example without a token.",
    "validate": "Check the files, offline, and show every mistake in them at once.",
    "list": "List every backup of the account, automatic ones too, by server, the newest first.",
    "plan": "Show what apply would create and delete, and why; change nothing.",
    "apply": "Create and delete until the account is as declared, or do exactly what a saved plan says.",
    "show": "Show a saved plan.",
    "import": "Write TOML that declares what the account holds.",
    "status": "Show the health of every series, problems first, and what is not declared.",
    "restore": "Restore a server, named by its id or its name in the account, from a backup.",
    "forecast": "Show what the policies will hold over time: how many, how large, and how far back.",
    "doctor": "Check the setup against the real service.",
    "schema": "Print the JSON Schema of the file, for editors.",
    "completion": "Print the script that makes a shell complete commands, options, servers and series.",
    "help": "Show a page of the reference, or list the pages.",
    "sandbox": "Serve a local VPS.org, in memory, until interrupted.",
    "demo": "Show plan, apply, and plan again on a local sandbox; needs no account.",
}
"""Each command and its summary. They are here so that `--help` need not import the commands."""

GROUPS = {
    "Start": ("demo", "sandbox", "init", "import"),
    "Plan and apply": ("plan", "apply", "show"),
    "Look": ("list", "status", "forecast"),
    "Restore": ("restore",),
    "Check": ("validate", "doctor"),
    "Tools": ("help", "schema", "completion"),
}
"""The commands as `--help` shows them: what a new user needs first."""

COMPLETE_VARIABLE = "_RECONCILE_COMPLETE"
"""The environment variable in which a completion script says what it asks for."""

FORMAT = "reconcile.format"
"""Where click's context notes the format that was asked for, by the name of its flag."""
