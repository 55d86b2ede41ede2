"""A plan on disk (spec, section 5): versioned JSON, checked against damage, without secrets."""

import hashlib
import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reconcile.diagnostics import UserError
from reconcile.plan.model import Plan

FORMAT_VERSION = 1
_PLAN = TypeAdapter(Plan)
_AGAIN = "Make it anew: reconcile plan --out FILE."


def dump(plan: Plan, version: str) -> str:
    """Write a plan; `version` is that of the program, for whoever meets the file later."""
    body = _PLAN.dump_python(plan, mode="json")
    return (
        json.dumps({"reconcile_plan": FORMAT_VERSION, "version": version, "sha256": _digest(body), "plan": body}) + "\n"
    )


def parse(text: str, name: str) -> Plan:
    """Read a plan from the text of the file `name`.

    Raises:
        UserError: not a plan, a damaged one, or one of a newer format.
    """
    try:
        said: Any = json.loads(text)
        format_version, version, digest, body = (said[key] for key in ("reconcile_plan", "version", "sha256", "plan"))
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{name} is not a saved plan, or a damaged one", _AGAIN) from error
    if format_version != FORMAT_VERSION:
        raise UserError(
            f"{name} is of format {format_version!r}, written by reconcile {version}; this one reads {FORMAT_VERSION}",
            "Apply it with the version that made it, or make it anew with this one.",
        )
    if digest != _digest(body):
        raise UserError(f"{name} is damaged: it is not what was written", _AGAIN)
    try:
        return _PLAN.validate_python(body)
    except ValidationError as error:
        raise UserError(
            f"{name} is damaged: {error.error_count()} values are not what they should be", _AGAIN
        ) from error


def _digest(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
