"""`reconcile replay`: plans recorded runs again, offline."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from reconcile.cli.files import read_record, records_in
from reconcile.cli.options import argument, command
from reconcile.cli.process import ExitCode
from reconcile.cli.session import Session
from reconcile.desired.load import parse_all
from reconcile.insight.replay import replay as replay_records
from reconcile.plan.record import Record
from reconcile.report.replay import REPLAY_FORMATS


@command(REPLAY_FORMATS, files=True)
def replay(session: Session, *, records: tuple[Path, ...] = argument(required=True, metavar="RECORD…|DIR")) -> ExitCode:
    """Plan recorded runs again, offline, and check that every action follows from its files.

    With -f, also show what these files would have planned instead, run by run.
    """
    other = session.config() if session.paths else None
    paths = [path for each in records for path in records_in(each)]

    def read() -> Iterator[tuple[str, Record]]:
        for path in paths:
            with session.one_of_several():
                yield path.name, read_record(path)

    # Most nights have the files of the night before.
    found = replay_records(read(), lru_cache(maxsize=4)(parse_all), other)
    session.show(REPLAY_FORMATS, found)
    return ExitCode.ERROR if any(run.findings for run in found) else ExitCode.DONE
