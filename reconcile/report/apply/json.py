"""`apply --json` (spec, section 8): one object per line, in the form of Terraform's machine-readable UI.

Who prints a line adds its time, `@timestamp`.
"""

from collections.abc import Iterator, Mapping
from typing import assert_never

from reconcile import __version__, outcomes
from reconcile.addresses import Address
from reconcile.diagnostics import Diagnostic
from reconcile.outcomes import FAILURES, Event, Finished, Outcome, Rounds
from reconcile.plan.model import Action
from reconcile.plan.reasons import unmet_text
from reconcile.report.apply.sentences import event_text, explanation_text, summary_text
from reconcile.report.plan.sentences import why_text
from reconcile.report.values import RESOURCE_TYPE, JsonObject, address_index, terraform_address


def version_json() -> JsonObject:
    """Return the first line."""
    return _line("version", f"reconcile {__version__}", reconcile=__version__, ui="1.2")


def event_json(event: Event) -> Iterator[JsonObject]:
    """Yield the lines of an event: several for a plan, and for an error a diagnostic beside it."""
    message = event_text(event).plain
    match event:
        case outcomes.Planned():
            yield from _planned(event)
        case outcomes.Applied():
            yield from map(diagnostic_line, _unmet(event))
        case outcomes.Started(action=action):
            yield _line("apply_start", message, hook=_hook(action))
        case outcomes.Rejected(action=action, explanation=explanation, seconds=seconds):
            hook = {**_hook(action), "rejected": explanation, "retry_seconds": round(seconds)}
            yield _line("apply_progress", message, "warn", hook=hook)
        case outcomes.Waiting(address=address, backup=backup, elapsed=elapsed):
            hook = {"resource": _resource(address), "action": "create", "id_value": str(backup.id)}
            yield _line("apply_progress", message, hook={**hook, "elapsed_seconds": round(elapsed)})
        case outcomes.Settled(address=address, backup=settled):
            hook = {"resource": _resource(address), "action": "no-op", "status": settled.status if settled else None}
            yield _line("apply_progress", message, hook=hook)
        case Finished():
            yield from _finished(event, message)
        case Diagnostic():
            yield diagnostic_line(event)
        case outcomes.Announced() | outcomes.Interrupted():
            yield _line("log", message, "warn")
        case _:
            assert_never(event)


def diagnostic_line(diagnostic: Diagnostic) -> JsonObject:
    """Return the line of a diagnostic."""
    level = "warn" if diagnostic.severity == "warning" else "error"
    message = f"{diagnostic.severity.title()}: {diagnostic.summary}"
    return _line("diagnostic", message, level, diagnostic=diagnostic)


def summary_json(rounds: Rounds) -> JsonObject:
    """Return the last line: the outcomes of all actions, including those of a plan that was not started."""
    return _summary_line("apply", summary_text(rounds), rounds.changes)


def _planned(event: outcomes.Planned) -> Iterator[JsonObject]:
    plan = event.plan
    yield from map(diagnostic_line, (*plan.warnings, *plan.errors))
    for action in plan.actions:
        is_withheld = action.address in event.withheld
        hook = _hook(action)
        held = " (withheld)" if is_withheld else ""
        message = f"{action.address}: Plan to {hook['action']}{held}, {why_text(action.reason)}"
        change = {**hook, "reason": action.reason.kind, "withheld": is_withheld}
        yield _line("planned_change", message, change=change)
    changes = {"add": len(plan.creates), "change": 0, "remove": len(plan.deletes), "withheld": len(event.withheld)}
    message = f"Plan: {changes['add']} to create, {changes['remove']} to delete, {changes['withheld']} withheld."
    yield _summary_line("plan", message, changes)


def _unmet(event: outcomes.Applied) -> Iterator[Diagnostic]:
    """Yield the unmet demands of `--max-age`. The last line, `summary_json`, reports everything else."""
    for address in event.result.unmet if not event.plans_again else ():
        yield Diagnostic(summary=unmet_text(event.result.plan.max_age), address=str(address))


def _finished(event: Finished, message: str) -> Iterator[JsonObject]:
    ids = {"id_key": "id", "id_value": str(event.backup.id)} if event.backup else {}
    hook = {**_hook(event.action), "elapsed_seconds": round(event.elapsed), **ids}
    if event.outcome is Outcome.SUCCEEDED:
        yield _line("apply_complete", message, hook=hook)
        return
    has_failed = event.outcome in FAILURES
    level = "error" if has_failed else "warn"
    yield _line("apply_errored", message, level, hook={**hook, "outcome": event.outcome})
    if has_failed:
        summary, address = f"{hook['action']}: {event.outcome}", str(event.action.address)
        yield diagnostic_line(Diagnostic(summary=summary, detail=explanation_text(event), address=address))


def _hook(action: Action) -> JsonObject:
    return {"resource": _resource(action.address), "action": action.verb}


def _resource(address: Address) -> JsonObject:
    terraform = terraform_address(address)
    return {
        "addr": terraform,
        "resource": terraform,
        "resource_type": RESOURCE_TYPE,
        "resource_name": address.server,
        "resource_key": address_index(address),
    }


def _summary_line(operation: str, message: str, changes: Mapping[str, int]) -> JsonObject:
    return _line("change_summary", message, operation=operation, changes={**changes, "operation": operation})


def _line(kind: str, message: str, level: str = "info", **beside: object) -> JsonObject:
    return {
        "@level": level,
        "@message": message,
        "@module": "reconcile.ui",
        "type": kind,
        **beside,
    }
