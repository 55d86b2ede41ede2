"""The names of the commands, for the command line itself and for its completion; importing this costs nothing."""

from collections.abc import Mapping

COMMANDS = {
    "init": "Write a commented starter file for your account, or an example if there is no token.",
    "validate": "Check the files offline and report all errors at once.",
    "list": "List all backups in the account, automatic ones included, newest first for each server.",
    "plan": "Show what apply would create and delete, and why; change nothing.",
    "apply": "Create and delete backups to match the files, or apply a saved plan exactly.",
    "show": "Show a saved plan.",
    "import": "Generate TOML for the backups that the account already has.",
    "status": "Show the health of every series, problems first, and what is undeclared.",
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
    "Look": ("list", "status", "forecast"),
    "Restore": ("restore",),
    "Check": ("validate", "doctor"),
    "Tools": ("help", "schema", "completion"),
}
"""The commands as `--help` shows them: what a new user needs first."""

SECTIONS = {
    "Output": ("json", "markdown", "verbose", "quiet", "no_color"),
    "Connection": ("base_url", "token_file", "timeout", "debug"),
    "Tuning": ("parallelism", "max_in_progress", "lock_timeout"),
}
"""The options that `--help` shows in sections below the others, by their names in the code."""

EXAMPLES: Mapping[str, Mapping[str, str]] = {
    "init": {
        "reconcile init": "Write backups.toml",
        "reconcile init --out -": "Print the file first",
    },
    "validate": {
        "reconcile validate": "Check backups.toml",
        "reconcile validate -f backups/ --json": "Check a folder of files, for a program",
    },
    "list": {
        "reconcile list": "List every server",
        "reconcile list web-server-01 --type manual": "List the manual backups of one server",
    },
    "plan": {
        "reconcile plan": "Preview every change",
        "reconcile plan --target web-server-01 --out saved.plan": "Save a plan for one server, for review",
        "reconcile plan --compare before.toml": "Show what a change of the files does",
    },
    "apply": {
        "reconcile apply": "Show the plan, ask, and carry it out",
        "reconcile apply saved.plan": "Carry out a saved plan, without asking",
        "reconcile apply --auto-approve --target web-server-01 --max-age 15min": "Back up one server before a deploy",
    },
    "show": {
        "reconcile show saved.plan": "Read a saved plan",
        "reconcile show saved.plan --json": "Print it for a policy check",
    },
    "import": {
        "reconcile import --out imported.toml": "Declare every backup in the account",
        "reconcile import -f backups.toml --server web-server-01": "Declare what the files lack for one server",
    },
    "status": {
        "reconcile status": "Show what needs attention, and what is healthy",
        "reconcile status --check": "Exit with 2 if something is wrong, for a monitoring job",
        "reconcile status --html status.html": "Write a page for a browser",
    },
    "restore": {
        "reconcile restore web-server-01": "Show what the server can be restored from",
        "reconcile restore web-server-01 --series nightly --safety-backup": "Restore the newest backup of a series",
        "reconcile restore web-server-01 --backup 499": "Restore one backup",
    },
    "forecast": {
        "reconcile forecast --days 90": "Look three months ahead",
        "reconcile forecast --from-empty": "Show what the policies lead to, without a token",
        "reconcile forecast --compare before.toml": "Show what a change of the files does",
    },
    "doctor": {
        "reconcile doctor": "Check before the first apply",
        "reconcile doctor --json": "Print a report without secrets, for a bug report",
    },
    "schema": {
        "reconcile schema > reconcile.schema.json": "Write the schema where backups.toml refers to it",
        "reconcile schema": "Print the schema",
    },
    "completion": {
        "reconcile completion bash > reconcile.bash": "Write the script for bash; source it in ~/.bashrc",
        "reconcile completion zsh > _reconcile": "Write the script for zsh; move it to a folder of $fpath",
    },
    "help": {
        "reconcile help": "List the pages",
        "reconcile help restoring": "Read a page",
        "reconcile help first.toml": "Print an example file",
    },
    "sandbox": {
        "reconcile sandbox": "Serve the sample account",
        "reconcile sandbox --port 0 --backup-seconds 60 --fail-rate 0.2": "Serve slow backups, of which some fail",
    },
    "demo": {
        "reconcile demo": "Watch it once",
        "reconcile demo > demo.txt": "Keep what it shows",
    },
}
"""Command lines for `--help`, each with what it does. A test runs them."""

COMPLETE_VARIABLE = "_RECONCILE_COMPLETE"
"""The environment variable in which a completion script says what it asks for."""

FORMAT = "reconcile.format"
"""Where click's context notes the format that was asked for, by the name of its flag."""
