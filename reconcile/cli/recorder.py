"""Keeps the record of a run (`--record`): saved before the first change, and again when the run ends."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from reconcile.actual.inventory import Inventory
from reconcile.cli.files import without_secrets, write_file
from reconcile.cli.session import Session
from reconcile.cli.system_clock import SystemClock
from reconcile.diagnostics import UserError
from reconcile.outcomes import Applied, Event, Finished, Planned, Result
from reconcile.plan.model import Create, Delete
from reconcile.plan.record import Done, Outline, Record, RecordedRound, StartedBy, dump, outline
from reconcile.report.apply.sentences import explanation_text

_ADVICE = "Nothing was changed. Choose a writable folder with --record DIR."


def started_by(environment: Mapping[str, str]) -> StartedBy:
    """Return who and what started this run, from the environment variables of GitHub or GitLab."""
    get = environment.get
    run = [get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    url = "{}/{}/actions/runs/{}".format(*run) if all(run) else get("CI_JOB_URL")
    return StartedBy(
        actor=get("GITHUB_ACTOR") or get("GITLAB_USER_LOGIN"),
        commit=get("GITHUB_SHA") or get("CI_COMMIT_SHA"),
        url=url,
    )


def record_in(folder: Path | None, session: Session, record: Record) -> "Recorder":
    """Start a record in this folder, which is created if necessary; None for a run without one.

    Raises:
        UserError: it can't be written.
    """
    now = SystemClock().now
    if folder is None:
        return Recorder(record, None, now)
    name = f"{record.started_at:%Y%m%dT%H%M%S.%fZ}-{record.command}.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"no record can be written to {folder}: {error.strerror}", _ADVICE) from error

    def save(text: str) -> None:
        write_file(folder / name, without_secrets(text, session.output.redact, "record"), private=True)

    return Recorder(replace(record, started_by=started_by(os.environ)), save, now, at_end=session.one_of_several)


class Recorder(AbstractContextManager["Recorder"]):
    """The record of one run, as far as it has come; `save` stores its text, None for a run without a record.

    It is saved when it is created, so a folder that can't be written ends the run before anything is read. It is saved
    again with each plan, before anything is changed, and at the end of the run, however that ends. What the run has
    done is what must be reported then, so `at_end` receives the error of a record that can't be saved any more.
    """

    def __init__(
        self,
        record: Record,
        save: Callable[[str], None] | None,
        now: Callable[[], datetime],
        *,
        at_end: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.record = record
        self.is_complete = False
        """Whether everything was done; set this before the end."""
        self._save = save
        self._now = now
        self._at_end = at_end
        self._results: list[Result] = []
        self._store()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        problems = error.diagnostics if isinstance(error, UserError) else ()
        self.record = replace(
            self.record,
            ended_at=self._now(),
            is_complete=self.is_complete,
            errors=tuple(each.summary for each in problems),
        )
        with self._at_end():
            self._store()

    def observe(self, inventory: Inventory) -> None:
        """Add the observation before it is planned, so `replay` can also make a refused plan again."""
        gained = Counter(address for result in self._results for address in result.gained)
        lost = sum(result.lost for result in self._results)
        seen = RecordedRound(inventory=inventory, gained=gained, lost=lost)
        self.record = replace(self.record, rounds=(*self.record.rounds, seen))

    def add(self, event: Event) -> None:
        """Add a plan, or its result."""
        if not self._save:
            return
        match event:
            case Planned(plan=plan, withheld=withheld):
                self.plan(outline(plan, withheld))
            case Applied(result=result):
                self._results.append(result)
                self.done(map(done_of, result.finished))
            case _:
                pass

    def plan(self, planned: Outline) -> None:
        """Add a plan, and save the record before the account may change."""
        self._update(outline=planned)
        self._store()

    def done(self, done: Iterable[Done]) -> None:
        """Add the result of the plan."""
        self._update(done=tuple(done))

    def _update(self, **fields: Any) -> None:  # noqa: ANN401 - those of the last round
        *before, last = self.record.rounds
        self.record = replace(self.record, rounds=(*before, replace(last, **fields)))

    def _store(self) -> None:
        if self._save:
            self._save(dump(self.record))


def done_of(ended: Finished) -> Done:
    """Return how an action ended, in the form of a record."""
    backup = ended.action.backup if isinstance(ended.action, Delete) else ended.backup
    return Done(
        verb="create" if isinstance(ended.action, Create) else "delete",
        address=str(ended.action.address),
        outcome=ended.outcome,
        explanation=explanation_text(ended),
        backup_id=backup.id if backup else None,
        seconds=round(ended.elapsed, 1),
    )
