"""Plan files: written whole or not at all, read with an error that says what is wrong."""

import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from reconcile.diagnostics import UserError
from reconcile.plan.model import Plan
from reconcile.plan.saved import dump, parse


def read_plan(path: Path) -> Plan:
    """Read a saved plan; raises UserError."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", "Make a plan first: reconcile plan --out FILE.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a saved plan", "Make one: reconcile plan --out FILE.") from error


def write_plan(plan: Plan, path: Path) -> None:
    """Save a plan; raises UserError."""
    write_whole(path, dump(plan, version("vps-reconcile")))


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever reads half of it.

    Raises:
        UserError: it can't be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}", "Name another place.") from error
