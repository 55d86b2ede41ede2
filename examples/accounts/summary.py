"""Writes one table of all accounts, from the JSON that `reconcile status --json` printed for each of them.

Usage: summary.py FOLDER ACCOUNT…; FOLDER contains ACCOUNT.json. An account without a readable file was not checked.
Exits with 1 if an account was not checked, or is not healthy.
"""

import json
import sys
from pathlib import Path


def main(folder: Path, accounts: list[str]) -> int:
    """Print the table and return the exit code."""
    rows = {account: row(folder / f"{account}.json") for account in accounts}
    good = [account for account, (verdict, _) in rows.items() if verdict == "healthy"]
    lines = [f"### Backups: {len(good)} of {len(rows)} accounts healthy", "", "| account | backups | problems |"]
    lines += ["| --- | --- | --- |", *(f"| {account} | {' | '.join(found)} |" for account, found in rows.items())]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(len(good) < len(rows))


def row(file: Path) -> tuple[str, str]:
    """Return whether an account is healthy, and what is wrong with it."""
    try:
        status = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "**NOT CHECKED**", "status printed nothing: look at the log of its job"
    if "series" not in status:  # reconcile could not check the account, and says why
        return "**NOT CHECKED**", "; ".join(code(each["summary"]) for each in status.get("diagnostics", ()))
    unhealthy = [series for series in status["series"] if not series["healthy"]]
    problems = [code(series["address"]) for series in unhealthy] + [code(each["summary"]) for each in status["errors"]]
    return "healthy" if status["healthy"] else "**NOT HEALTHY**", ", ".join(problems)


def code(text: str) -> str:
    """Return text as code in a cell of a table, where nothing in it can end the cell or act as markup."""
    return f"`{text.replace('`', chr(39)).replace('|', '/')}`"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
