"""Runs one command of reconcile for the action, and writes the job summary and the outputs of the step.

The inputs come from the environment, lists with one item per line. No input becomes part of a script, and no shell
splits or expands it.
"""

import itertools
import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

CHANGES_PENDING = 2

LARGEST_COMMENT = 64_000
"""Characters. GitHub rejects more than 65,536, and the comment has some lines of its own."""

LARGEST_SUMMARY = 1_000_000
"""Bytes. GitHub drops the whole summary of a step that has more than a mebibyte."""

WHOLE_PLAN = "<!-- reconcile: the whole plan -->"
"""Before this, a plan that is compared with the base says what the change does. The forecast of the change follows."""

FORECAST = "<!-- reconcile forecast -->"
"""At the start of a forecast, which can be complete although the files break a rule."""

FOLD = "<details>"
"""Before this, a forecast is three lines."""

TOO_LONG = "\nThe forecast of each series is too long for a comment. See the job summary.\n"


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
    before = base_files(lines("FILE") or ["backups.toml"], folder) if command == "plan" else []
    compare = [argument for path in before for argument in ("--compare", str(path))]
    arguments = ["reconcile", command, *files, *options[command], *compare, *lines("ARGUMENTS")]
    if command == "plan":
        code, markdown = run(arguments, shows=False, stderr=None)
        counts = re.findall(r"(creates|deletes|withheld)=(\d+)", markdown.partition("\n")[0])
    else:
        code, text = run(arguments, shows=True, stderr=subprocess.STDOUT)
        # Indented lines are code, and no text in them can end the code block.
        printed = [f"    {line}" for line in text.splitlines() if not line.startswith("::")]
        markdown = "\n".join([f"### reconcile {command}: exit code {code}", "", *fitting(printed), "", ""])
        counts = []
    append("GITHUB_STEP_SUMMARY", markdown)
    report.write_text(markdown, encoding="utf-8")
    outputs = [("exit-code", str(code)), ("report", str(report)), *counts]
    if plan_file.exists():
        subprocess.run(["reconcile", "show", str(plan_file)], check=False)
        outputs.append(("plan-file", str(plan_file)))
    append("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in outputs))
    # Everything else is written before the forecast, so a failed forecast does not lose the plan.
    outlook = forecast([*files, *compare]) if compare and os.environ["FORECAST"] == "true" else ""
    append("GITHUB_STEP_SUMMARY", outlook)
    if len(markdown + outlook) > LARGEST_COMMENT:
        outlook = outlook.partition(FOLD)[0] + TOO_LONG
    change, mark, whole = markdown.partition(WHOLE_PLAN)
    report.write_text(f"{change}{outlook}\n{mark}{whole}", encoding="utf-8")
    return 0 if command == "plan" and code == CHANGES_PENDING else code


def run(arguments: list[str], *, shows: bool, stderr: int | None) -> tuple[int, str]:
    """Run a command and return its exit code and its output. With `shows`, also print the output in the log.

    A cancelled job signals only this process. It passes the signal on, so that reconcile can finish and report.
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


def fitting(printed: list[str]) -> list[str]:
    """Return the last lines that fit into the summary: the result is at the end."""
    sizes = itertools.accumulate(len(line.encode()) + 1 for line in reversed(printed))
    number = sum(size <= LARGEST_SUMMARY for size in sizes)
    if number == len(printed):
        return printed
    return [f"    … {len(printed) - number:,} lines before these are in the log", *printed[len(printed) - number :]]


def base_files(files: list[str], folder: Path) -> list[Path]:
    """Return the files as the base of the pull request has them.

    Empty, with a note in the log, if there are none or they are not known: the plan is then shown without a comparison.
    """
    if os.environ.get("GITHUB_EVENT_NAME") != "pull_request":
        return []
    # The checkout of a pull request is a merge commit, whose first parent is the base.
    is_merge = ["git", "rev-parse", "--quiet", "--verify", "HEAD^2"]
    if subprocess.run(is_merge, capture_output=True, check=False).returncode:
        return missing("it needs actions/checkout with fetch-depth: 2")
    if not hasattr(tarfile, "data_filter"):
        return missing("it needs Python 3.11.4 or newer")
    base, before = folder / "base.tar", folder / "base"
    found = []
    # The base is a folder beside the checkout, so an absolute path would name the file after the change in both.
    for file in map(os.path.relpath, files):
        if file.startswith(os.pardir):
            return missing(f"{file} is outside the repository")
        # A file that this change adds is not in the base.
        archived = ["git", "archive", "--output", str(base), "HEAD^1", "--", file]
        if subprocess.run(archived, capture_output=True, check=False).returncode:
            continue
        try:
            with tarfile.open(base) as archive:
                archive.extractall(before, filter="data")
        except (tarfile.TarError, OSError) as error:  # for example, a link that leads out of the folder
            return missing(f"the base's {file} can't be read: {error}")
        found.append(before / file)
    return found or missing("the base has no such file")


def missing(reason: str) -> list[Path]:
    """Note in the log why there is no comparison."""
    sys.stdout.write(f"No comparison with the base: {reason}.\n")
    return []


def forecast(arguments: list[str]) -> str:
    """Return what the change to the files means over a year, as Markdown; empty if that fails, as the log says."""
    _, markdown = run(["reconcile", "forecast", "--markdown", *arguments], shows=False, stderr=None)
    return f"\n{markdown}" if markdown.startswith(FORECAST) else ""


def lines(name: str) -> list[str]:
    """Return the lines of an input that are not empty."""
    return [line.strip() for line in os.environ[name].splitlines() if line.strip()]


def append(name: str, text: str) -> None:
    """Append to the file whose path GitHub puts in this environment variable."""
    with Path(os.environ[name]).open("a", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
