"""A plan on disk (spec, section 5): versioned JSON, checked against damage, without secrets."""

import hashlib
import json
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from reconcile.diagnostics import Diagnostic, UserError
from reconcile.plan.model import Plan

FORMAT_VERSION = 4
_PLAN = TypeAdapter(Plan)
_AGAIN = "Create a new one: reconcile plan --out FILE."


def dump(plan: Plan, version: str) -> str:
    """Serialise a plan; `version` is the program's, named in the error of a version that can't read the file.

    A saved plan is applied exactly, without planning again, so nothing is worth waiting for apart from what it needs.
    """
    return json.dumps(envelope(plan.waiting_only_for_needed, version), allow_nan=False) + "\n"


def envelope(plan: Plan, version: str) -> dict[str, Any]:
    """Return what `dump` writes, as a value; the record of a run that applies the plan contains it too."""
    # The file may have changed by the time the plan is shown, so the lines that the plan quotes are saved.
    found = replace(plan, errors=tuple(map(_found, plan.errors)), warnings=tuple(map(_found, plan.warnings)))
    body = _PLAN.dump_python(found, mode="json")
    return {"reconcile_plan": FORMAT_VERSION, "version": version, "sha256": _digest(body), "plan": body}


def _found(diagnostic: Diagnostic) -> Diagnostic:
    place = diagnostic.place and replace(diagnostic.place, find=None)
    return replace(diagnostic, place=place, found=diagnostic.spot)


def parse(text: str | bytes, name: str) -> Plan:
    """Read a plan from the text of the file `name`; raises UserError if it is not a plan of this format, or damaged."""
    try:
        # pydantic's parser limits depth and numbers; json's overflows.
        return read(from_json(text, allow_inf_nan=False), name)
    except (ValueError, TypeError) as error:  # a TypeError for a string that is not Unicode
        raise UserError(f"{name} is not a saved plan, or is damaged", _AGAIN) from error


def read(saved: object, name: str) -> Plan:
    """Read a plan from the value that `envelope` returns; raises UserError as `parse` does."""
    match saved:
        case {"reconcile_plan": int(format_version), "version": str(version), "sha256": str(digest), "plan": body}:
            pass
        case _:
            raise UserError(f"{name} is not a saved plan, or is damaged", _AGAIN)
    if format_version != FORMAT_VERSION:
        raise UserError(
            f"{name} has the format {format_version}, written by reconcile {version}; "
            f"this version reads {FORMAT_VERSION}",
            "Apply it with the version that wrote it, or create a new plan with this version.",
        )
    if digest != _digest(body):
        raise UserError(f"{name} is damaged: its checksum does not match", _AGAIN)
    try:
        return _PLAN.validate_python(body)
    except ValidationError as error:
        raise UserError(f"{name} is damaged: {error.error_count()} values are not as expected", _AGAIN) from error


def _digest(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
