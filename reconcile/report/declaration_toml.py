"""A declaration as a TOML file: the header says when and from where, comments what could not be declared."""

from datetime import datetime

import tomli_w

from reconcile.plan.declare import Declaration
from reconcile.report.escape import visible


def declaration_toml(declaration: Declaration, base_url: str, now: datetime) -> str:
    """Return the file's text."""
    lines = [f"Written by reconcile import at {now:%Y-%m-%d %H:%M} UTC, from {base_url}."]
    if declaration.notes:
        lines += ["", "Not as it may look:", *(f"- {note}" for note in declaration.notes)]
    elif not declaration.document:
        lines += ["There was nothing that is not declared."]
    header = "\n".join(f"# {visible(line, 1000)}".rstrip() for line in lines)
    return f"{header}\n\n{tomli_w.dumps(declaration.document)}"
