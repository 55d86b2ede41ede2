"""Keeps the record of a run (`--record`): saved before the first change, and again when the run ends."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from reconcile import __version__
from reconcile.actual.credentials import Access
from reconcile.actual.inventory import Inventory
from reconcile.addresses import SeriesAddress
from reconcile.cli.session import Session
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.outcomes import Applied, Event, Finished, Planned
from reconcile.plan.model import Delete, Plan
from reconcile.plan.planning import RunOptions
from reconcile.plan.record import (
    Observation,
    Outline,
    Record,
    RecordedFile,
    RecordedRound,
    RestoreOptions,
    StartedBy,
    dump,
    outline,
)
from reconcile.plan.saved import envelope
from reconcile.report.apply.sentences import explanation_text


def _started_by() -> StartedBy:
    """Return who and what started this run, from the environment variables of GitHub or GitLab."""
    get = os.environ.get
    run = [get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    url = "{}/{}/actions/runs/{}".format(*run) if all(run) else get("CI_JOB_URL")
    return StartedBy(
        actor=get("GITHUB_ACTOR") or get("GITLAB_USER_LOGIN"),
        commit=get("GITHUB_SHA") or get("CI_COMMIT_SHA"),
        url=url,
    )


def record_in(
    folder: Path | None, session: Session, access: Access, options: RunOptions | RestoreOptions, what: Config | Plan
) -> "Recorder":
    """Start the record of a run that starts now, from the files or from a saved plan, in a folder.

    The folder is created if necessary; None for a run without a record.

    Raises:
        UserError: it can't be written.
    """
    now = session.clock.now
    record = Record(
        version=__version__,
        command="apply" if isinstance(options, RunOptions) else "restore",
        started_at=now(),
        base_url=access.base_url,
        started_by=_started_by(),
        options=options,
        files=() if isinstance(what, Plan) else tuple(map(RecordedFile.of, what.sources)),
        saved_plan=envelope(what, __version__) if isinstance(what, Plan) else None,
    )
    if folder is None:
        return Recorder(record, None, now)
    name = f"{record.started_at:%Y%m%dT%H%M%S.%fZ}-{record.command}.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        advice = "Nothing was changed. Choose a writable folder with --record DIR."
        raise UserError(f"no record can be written to {folder}: {error.strerror}", advice) from error

    def save(text: str) -> None:
        session.write(folder / name, text, private=True)

    return Recorder(record, save, now, at_end=session.one_of_several)


@dataclass
class Recorder(AbstractContextManager["Recorder"]):
    """The record of one run, as far as it has come; `save` stores its text, None for a run without a record.

    It is saved when it is created, so a folder that can't be written ends the run before anything is read. It is saved
    again with each plan, before anything is changed, and at the end of the run, however that ends. What the run has
    done is what must be reported then, so `at_end` receives the error of a record that can't be saved any more.
    """

    record: Record
    save: Callable[[str], None] | None
    now: Callable[[], datetime]
    at_end: Callable[[], AbstractContextManager[None]] = nullcontext
    is_complete: bool = False
    """Whether everything was done; set this before the end."""
    _rounds: list[RecordedRound] = field(default_factory=list, init=False)
    _observed: Inventory | None = field(default=None, init=False)
    _balance: Counter[SeriesAddress] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        self._store()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        problems = error.diagnostics if isinstance(error, UserError) else ()
        self.record = replace(
            self.record,
            ended_at=self.now(),
            is_complete=self.is_complete,
            errors=tuple(each.summary for each in problems),
        )
        with self.at_end():
            self._store()

    def observe(self, inventory: Inventory) -> None:
        """Add the observation before it is planned, so the record of a refused plan has it too."""
        if not self.save:
            return
        seen = RecordedRound(
            observed=Observation.of(inventory, self._observed),
            gained=tuple((+self._balance).elements()),
            lost=(-self._balance).total(),
        )
        self._observed = inventory
        self._rounds.append(seen)

    def add(self, event: Event) -> None:
        """Add a plan, or its result."""
        match event:
            case _ if not self.save:
                pass
            case Planned(plan=plan, withheld=withheld):
                self.plan(outline(plan, withheld))
            case Applied(result=result):
                self._balance.update(result.balance)
                self.ended(map(outcome_fields, result.finished))
            case _:
                pass

    def plan(self, planned: Outline) -> None:
        """Add a plan, and save the record before the account may change."""
        if self.save:
            self._rounds[-1] = replace(self._rounds[-1], plan=planned)
            self._store()

    def ended(self, outcomes: Iterable[Mapping[str, Any]]) -> None:
        """Add the result of each action of the last plan, in their order; the last actions may have none."""
        if self._rounds and (plan := self._rounds[-1].plan):
            ended = [replace(each, **fields) for each, fields in zip(plan.actions, outcomes, strict=False)]
            plan = replace(plan, actions=(*ended, *plan.actions[len(ended) :]))
            self._rounds[-1] = replace(self._rounds[-1], plan=plan)

    def _store(self) -> None:
        if self.save:
            self.save(dump(replace(self.record, rounds=tuple(self._rounds))))


def outcome_fields(ended: Finished) -> dict[str, Any]:
    """Return how an action ended, as the fields of a `RecordedAction`."""
    backup = ended.action.backup if isinstance(ended.action, Delete) else ended.backup
    return {
        "outcome": str(ended.outcome),
        "explanation": explanation_text(ended),
        "backup_id": backup.id if backup else None,
        "seconds": round(ended.elapsed, 1),
    }
