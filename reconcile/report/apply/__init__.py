"""The report at the end of an apply as text, and each event of it as lines of JSON.

`apply --json` (spec, section 8) prints one object per line, in the form of Terraform's machine-readable UI. The
reporter that prints a line adds its time, `@timestamp`.
"""

from collections.abc import Iterator
from typing import assert_never

from reconcile import __version__, outcomes
from reconcile.addresses import Address, SeriesAddress
from reconcile.clock import Stop
from reconcile.diagnostics import Diagnostic
from reconcile.outcomes import FAILURES, Applied, Event, Finished, Outcome, Result, Rounds
from reconcile.plan.model import Action, Create, Delete
from reconcile.plan.reasons import Veto, unmet_text
from reconcile.report.apply import sentences
from reconcile.report.document import Lines, Text
from reconcile.report.plan.sentences import allow_text, amounts_text, why_text, withheld_lines
from reconcile.report.values import RESOURCE_TYPE, JsonObject, address_index, terraform_address
from reconcile.wording import count_text


def result_text(applied: Applied, /, *, verbose: bool = False) -> Lines:
    """Return the report at the end: what was not done and why, then the figures, then what to do next.

    If the run plans again, there is no next step. The plan has said why deletes are withheld and what would allow them,
    so only `-q`, which does not show it, says so here.
    """
    result = applied.result
    missing = (Text(f"{each.address}: {each.summary}", "yellow") for each in _missing(result))
    problems = (*_not_done(result), *missing)
    withheld = tuple(withheld_lines(result.plan, result.withheld))
    lines = tuple(_figures(applied))
    return Lines((*problems, *lines), essential=(*problems, *withheld, *(() if applied.plans_again else lines)))


def _figures(applied: Applied) -> Iterator[Text]:
    result = applied.result
    created, deleted = (result.count(kind, Outcome.SUCCEEDED) for kind in (Create, Delete))
    counts = result.counts
    figures = [f"{created:,} created", f"{deleted:,} deleted"]
    figures += [f"{counts[outcome]:,} {label}" for outcome, label in sentences.OUTCOME_TEXTS.items() if counts[outcome]]
    errors = len(result.plan.errors)
    is_done = result.is_complete and not errors and not applied.failed_before
    head = ("Apply complete: ", "bold green") if is_done else ("Apply incomplete: ", "bold red")
    if applied.plans_again:
        yield Text(f"So far: {', '.join(figures)}. Planning again, because the account has changed.", "bold")
        return
    yield Text.assemble(head, ", ".join(figures), ".")
    if errors:
        yield Text(f"The plan was incomplete: {count_text(errors, 'error')}, shown with the plan.", "bold red")
    if applied.failed_before:
        yield Text(f"{count_text(applied.failed_before, 'create')} of an earlier plan of this run failed.", "bold red")
    if result.stopped is Stop.DEADLINE:
        yield Text("Out of time: the run ended at its --timeout. To allow more time, increase it.", "bold red")
    elif result.stopped is Stop.INTERRUPTED:
        yield Text("Interrupted: nothing new was started.", "bold red")
    yield from _next_steps(result)


def _missing(result: Result) -> Iterator[Diagnostic]:
    """Yield the awaited backups that have not completed, and the unmet demands of `--max-age`."""
    for series, backup in result.still_pending:
        summary = f"{backup.status}; started before this run and still not completed"
        yield Diagnostic(summary=summary, address=str(series.member(backup.id, backup.description)))
    for address in result.unmet:
        yield Diagnostic(summary=unmet_text(result.plan.max_age), address=str(address))


def _not_done(result: Result) -> Iterator[Text]:
    """Yield the actions that did not succeed, with each explanation once: forty 403s are one problem."""
    groups: dict[tuple[type[Action], Outcome, str], list[Address]] = {}
    for ended in result.finished:
        is_planned = ended.outcome is Outcome.WITHHELD and ended.action.address in result.withheld
        if ended.outcome is not Outcome.SUCCEEDED and not is_planned:
            alike = type(ended.action), ended.outcome, sentences.explanation_text(ended)
            address: Address = ended.action.address
            if ended.backup and isinstance(address, SeriesAddress):
                address = address.member(ended.backup.id, ended.backup.description)
            groups.setdefault(alike, []).append(address)
    for (kind, outcome, explanation), addresses in groups.items():
        label, style = sentences.OUTCOME_TEXTS[outcome], sentences.STYLES[outcome]
        says_it = outcome in {Outcome.DEFERRED, Outcome.NOT_STARTED}  # the explanation contains the label
        text = explanation if says_it else f"{label}: {explanation}"
        if len(addresses) == 1:
            yield Text.assemble(f"{addresses[0]}: ", (text, style))
        else:
            yield Text(f"{count_text(len(addresses), kind.__name__.lower())}: {text}", style)
            yield from (Text(f"  {address}") for address in addresses)


def _next_steps(result: Result) -> Iterator[Text]:
    counts = result.counts
    shown_loss = result.plan.loss.lost if Veto.TOO_MUCH_LOST in result.withheld.values() else 0
    if (loss := result.loss_still_to_allow) not in {0, shown_loss}:
        yield Text(allow_text(loss), "bold red")
    yield from map(Text, sentences.advice(result))
    if result.is_final and not counts[Outcome.NOT_STARTED] and not result.still_pending and not result.unmet:
        yield Text("The service rejected the requests that failed above. Fix the cause before you run apply again.")
    elif result.notes:
        yield Text(
            "Fix the cause above before you run apply again: each run would create backups that the next does not see."
        )
    elif result.still_pending or result.unmet or set(counts) - _NOT_WORTH_REPEATING:
        yield Text("Run apply again. It reads the account afresh and does only what is left.")


_NOT_WORTH_REPEATING = {Outcome.SUCCEEDED, Outcome.DEFERRED, Outcome.WITHHELD}


def version_json() -> JsonObject:
    """Return the first line."""
    return _line("version", f"reconcile {__version__}", reconcile=__version__, ui="1.2")


def event_json(event: Event) -> Iterator[JsonObject]:
    """Yield the lines of an event: several for a plan, and for an error a diagnostic beside it."""
    message = sentences.event_text(event).plain
    match event:
        case outcomes.Planned():
            yield from _planned(event)
        case Applied(result=result, plans_again=plans_again):  # the last line reports everything else
            yield from map(diagnostic_line, () if plans_again else _missing(result))
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
    changes = {**rounds.changes, "operation": "apply"}
    return _line("change_summary", sentences.summary_text(rounds), operation="apply", changes=changes)


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
    message = f"Plan: {amounts_text(plan, event.withheld)}."
    yield _line("change_summary", message, operation="plan", changes={**changes, "operation": "plan"})


def _finished(event: Finished, message: str) -> Iterator[JsonObject]:
    ids = {"id_key": "id", "id_value": str(event.backup.id)} if event.backup else {}
    hook = {**_hook(event.action), "elapsed_seconds": round(event.elapsed), **ids}
    if event.outcome is Outcome.SUCCEEDED:
        yield _line("apply_complete", message, hook=hook)
        return
    level = "error" if event.outcome in FAILURES else "warn"
    yield _line("apply_errored", message, level, hook={**hook, "outcome": event.outcome})
    if event.outcome in FAILURES:
        summary, address = f"{hook['action']}: {event.outcome}", str(event.action.address)
        yield diagnostic_line(Diagnostic(summary=summary, detail=sentences.explanation_text(event), address=address))


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


def _line(kind: str, message: str, level: str = "info", **beside: object) -> JsonObject:
    return {"@level": level, "@message": message, "@module": "reconcile.ui", "type": kind, **beside}
