"""Runs one command of reconcile for the action, and writes the job's summary and the step's outputs.

The inputs come in the environment, one to a line where there can be several: nothing from outside is part of a script,
and nothing is split at blanks or expanded.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

CHANGES_PENDING = 2


def main() -> int:
    """Run the command and return what the step exits with."""
    command = os.environ["COMMAND"]
    folder = Path(tempfile.mkdtemp(prefix="reconcile-", dir=os.environ["RUNNER_TEMP"]))
    plan_file, report = folder / "backups.plan", folder / "report.md"
    options = {
        "plan": ["--markdown", "--detailed-exitcode", "--out", str(plan_file)],
        "apply": ["--auto-approve"],
        "status": ["--check"],
    }
    if command not in options:
        sys.exit(f"command: {command!r} is none of {', '.join(options)}")
    files = [argument for path in lines("FILE") for argument in ("-f", path)]
    arguments = ["reconcile", command, *files, *options[command], *lines("ARGUMENTS")]
    if command == "plan":
        code, markdown = run(arguments, shows=False, stderr=None)
        counts = re.findall(r"(creates|deletes|withheld)=(\d+)", markdown.partition("\n")[0])
    else:
        code, text = run(arguments, shows=True, stderr=subprocess.STDOUT)
        # Every line is indented, and so it is code, which nothing in it can end.
        printed = [f"    {line}" for line in text.splitlines() if not line.startswith("::")]
        markdown = "\n".join([f"### reconcile {command}: exit code {code}", "", *printed, "", ""])
        counts = []
    report.write_text(markdown, encoding="utf-8")
    append("GITHUB_STEP_SUMMARY", markdown)
    outputs = [("exit-code", str(code)), ("report", str(report)), *counts]
    if plan_file.exists():
        subprocess.run(["reconcile", "show", str(plan_file)], check=False)
        outputs.append(("plan-file", str(plan_file)))
    append("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in outputs))
    return 0 if command == "plan" and code == CHANGES_PENDING else code


def run(arguments: list[str], *, shows: bool, stderr: int | None) -> tuple[int, str]:
    """Run a command and return its exit code and what it printed, which `shows` also prints in the log.

    A cancelled job signals this process and no other; reconcile then finishes what is in flight, and says what it did.
    """
    printed = []
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=stderr, encoding="utf-8", errors="backslashreplace"
    ) as process:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: process.terminate())
        for line in process.stdout or ():
            printed.append(line)
            if shows:
                sys.stdout.write(line)
                sys.stdout.flush()
    return process.returncode, "".join(printed)


def lines(name: str) -> list[str]:
    """Return the lines of an input, without those that are empty."""
    return [line.strip() for line in os.environ[name].splitlines() if line.strip()]


def append(name: str, text: str) -> None:
    """Append to a file that GitHub names in the environment."""
    with Path(os.environ[name]).open("a", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
