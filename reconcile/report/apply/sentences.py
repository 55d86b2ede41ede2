"""What all formats say of an apply: how an action ended, and why a delete was not carried out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import assert_never

from reconcile import outcomes
from reconcile.actual.inventory import Backup, State
from reconcile.addresses import Address, SeriesAddress
from reconcile.diagnostics import Diagnostic
from reconcile.outcomes import Event, Finished, Outcome, Result, Rounds
from reconcile.plan import guards
from reconcile.plan.model import Create, Delete
from reconcile.plan.reasons import Veto
from reconcile.report.document import Text
from reconcile.wording import seconds_text, size_text

_FULL = re.compile(r"(?s)(?!.*\b429\b).*(quota|limit|maximum|exceed|too many|no space)", re.IGNORECASE)
"""Matches a message about too many backups, unlike one about too many requests."""

_PROTECTED = re.compile(r"protect|locked|immutable|legal hold", re.IGNORECASE)

OUTCOME_TEXTS = {
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "of unknown outcome",
    Outcome.IN_PROGRESS: "still in progress",
    Outcome.SKIPPED: "skipped",
    Outcome.WITHHELD: "withheld",
    Outcome.DEFERRED: "left to the next run",
    Outcome.NOT_STARTED: "not started",
}
"""The word for each outcome, after the number of actions; a success says what it did."""

STYLES = {**dict.fromkeys(Outcome, "yellow"), Outcome.SUCCEEDED: "green"}
STYLES |= {Outcome.FAILED: "red", Outcome.UNKNOWN: "red"}


def event_text(event: Event) -> Text:  # noqa: PLR0911 - one for each event
    """Say what has happened; empty for a plan, a result or a diagnostic, which need more than a line."""
    match event:
        case outcomes.Planned() | outcomes.Applied() | Diagnostic():
            return Text()
        case outcomes.Started(action=action):
            return Text(f"{action.address}: {'creating' if isinstance(action, Create) else 'deleting'}")
        case outcomes.Rejected(action=action, explanation=explanation, seconds=seconds):
            again = f"trying again in {seconds_text(seconds)}"
            return Text(f"{action.address}: {again}: {explanation}", "yellow")
        case outcomes.Waiting(address=address, backup=backup, elapsed=elapsed):
            unknown = ", a status that reconcile does not know" if backup.state is State.UNKNOWN else ""
            return Text(f"{member_text(address, backup)}{unknown}, waited {seconds_text(elapsed)}")
        case outcomes.Settled(address=address, backup=settled):
            return Text(member_text(address, settled) if settled else f"{address}: no longer in the list")
        case Finished(action=action, outcome=outcome):
            return Text.assemble(f"{action.address}: ", (_ending_text(event), STYLES[outcome]))
        case outcomes.Announced(text=text):
            return Text(text)
        case outcomes.Interrupted():
            return Text(
                "Interrupted. Starting nothing new and finishing the requests in flight. "
                "Interrupt again to stop immediately."
            )
        case _:
            assert_never(event)


def summary_text(rounds: Rounds) -> str:
    """Say in one line how all actions of a run ended, and why it ended early: counts, no names."""
    labels = {"add": "created", "remove": "deleted", "not_started": "not started"}
    counts = {name: count for name, count in rounds.changes.items() if count or name in {"add", "remove"}}
    figures = ", ".join(f"{count:,} {labels.get(name, name)}" for name, count in counts.items())
    stopped = (result.stopped for _, result in rounds.rounds[-1:] if result and result.stopped)
    return "; ".join((f"Apply: {figures}", *stopped))


def member_text(series: SeriesAddress, backup: Backup) -> str:
    """Name a backup of a series, and say its status."""
    return f"{series.member(backup.id, backup.description)}: {backup.status}"


def _ending_text(ended: Finished) -> str:
    """Say how an action ended; the report gives each reason once, for all actions that share it."""
    if ended.outcome is not Outcome.SUCCEEDED:
        return OUTCOME_TEXTS[ended.outcome]
    if ended.backup:
        created = f"#{ended.backup.id}, {size_text(ended.backup.size_mb)}"
        return f"{ended.explanation} after {seconds_text(ended.elapsed)} ({created})"
    return ended.explanation


def explanation_text(finished: Finished) -> str:
    """Say why an action ended as it did."""
    return objection_text(finished.objection) if finished.objection else finished.explanation


_VETO_TEXTS = {
    Veto.NO_DELETE: "--no-delete",
    Veto.PAUSED: "this server is paused",
    Veto.RULE_BROKEN: "this server breaks a rule of [require]",
    Veto.CLOCK_UNCONFIRMED: "it depends on this machine's clock, which can't be checked",
    Veto.TOO_MUCH_LOST: "too much would be lost",
    Veto.LAST_USABLE: "it would leave no usable backup on the declared servers",
    Veto.NOT_CREATED: "the new backup was not created",
    Veto.NOT_AWAITED: "left to the next run: the new backup was not waited for",
    Veto.KEPT_AFTER_ALL: "left to the next run: by the new backup's actual date, keep still keeps this one",
}


def objection_text(objection: guards.Objection) -> str:  # noqa: PLR0911 - one for each reason
    """Say why a delete must not be sent."""
    match objection:
        case Veto():
            return _VETO_TEXTS[objection]
        case guards.Changed(field=field, planned=planned, listed=listed):
            return f"it changed after the plan was created: {field} was {str(planned)!r}, is {str(listed)!r}"
        case guards.UnknownBeside(id=id_, status=None):
            return f"#{id_} may belong to the series: its fields can't be read"
        case guards.UnknownBeside(id=id_, status=status):
            return f"#{id_} has the status {status!r}, which reconcile does not know"
        case guards.Appeared(id=id_):
            return f"#{id_} was added to the series after the plan was created"
        case guards.KeptOneChanged(id=id_):
            return f"#{id_} must be kept, but it is gone or has changed"
        case guards.SeriesWithoutUsable(address=address):
            return f"{address} has no usable backup"
        case _:
            assert_never(objection)


def advice(result: Result) -> Iterator[str]:
    """Yield advice about rejected requests, if the service's message shows what is wrong."""
    failed = [ended for ended in result.finished if ended.outcome is Outcome.FAILED]
    if any(isinstance(ended.action, Create) and _FULL.match(ended.explanation) for ended in failed):
        yield (
            "The new backup is created before the old one is deleted, so each series needs room for one more backup. "
            "Raise the limit at the service, or keep one backup fewer."
        )
    protected = [
        ended.action for ended in failed if isinstance(ended.action, Delete) and _PROTECTED.search(ended.explanation)
    ]
    of_fleets = {server.key for server in result.plan.servers if server.fleet is not None}
    in_tables = [delete for delete in protected if delete.address.server not in of_fleets]
    if in_tables:
        ids = ", ".join(repr(delete.backup.id) for delete in in_tables)
        yield f"To keep a protected backup, pin it in the table of its server: pinned = [{ids}]."
    if len(in_tables) < len(protected):
        yield (
            "A member of a fleet has no pinned: to keep a protected backup, give its server its own table with pinned, "
            "or remove the protection at the service."
        )


@dataclass(slots=True)
class Tally:
    """Counts the events of one plan after the other."""

    total: int = 0
    _done: int = 0
    _waiting: set[Address] = field(default_factory=set)
    _in_progress: set[Address] = field(default_factory=set)
    """The started actions, and the series whose backups were in progress before the run."""

    def count(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case outcomes.Planned(plan=plan):
                self._waiting = {action.address for action in plan.actions}
                self.total, self._done, self._in_progress = len(self._waiting), 0, set()
            case outcomes.Started(action=action):
                self._waiting.discard(action.address)
                self._in_progress.add(action.address)
            case outcomes.Waiting(address=address):
                self._in_progress.add(address)
            case outcomes.Settled(address=address):
                self._in_progress.discard(address)
            case Finished(action=action):
                self._waiting.discard(action.address)
                self._in_progress.discard(action.address)
                self._done += 1
            case _:
                pass

    def __str__(self) -> str:
        """Write it as one line: `12 of 400 done, 10 in progress, 378 waiting`."""
        waiting, in_progress = len(self._waiting), len(self._in_progress)
        return f"{self._done:,} of {self.total:,} done, {in_progress:,} in progress, {waiting:,} waiting"
