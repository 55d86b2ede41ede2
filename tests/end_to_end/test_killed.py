"""A process of the command, killed or interrupted at every request in turn, and run again: exact, every time."""

import re
import signal
import time
from pathlib import Path

import pytest
from support.killer import Killer, dumped, killer
from support.sample import sampled
from support.schedules import check_record, clean_requests, is_exact

REQUESTS = range(len(clean_requests()))


# Between them, the two samples meet every request.
@pytest.mark.parametrize("at", sampled(REQUESTS, one_in=2))
def test_sigkill_after_a_request_was_carried_out_and_before_its_answer(at: int, tmp_path: Path) -> None:
    with killer(tmp_path) as service:
        service.at = at

        killed = service.apply_forked()

        assert killed.returncode in {-signal.SIGKILL, 0}  # 0 where this run needed fewer requests
        check_next_run(service)


@pytest.mark.parametrize("at", sampled(REQUESTS, one_in=2, first=1))
def test_an_interrupt_exits_130_with_a_true_report(at: int, tmp_path: Path) -> None:
    check_signalled(at, signal.SIGINT, tmp_path)


@pytest.mark.parametrize(("at", "number"), [(1, signal.SIGTERM), (6, signal.SIGTERM), (6, signal.SIGHUP)], ids=str)
def test_so_does_any_other_signal_that_ends_a_program(at: int, number: signal.Signals, tmp_path: Path) -> None:
    check_signalled(at, number, tmp_path)


def check_signalled(at: int, number: signal.Signals, folder: Path) -> None:
    with killer(folder) as service:
        service.at, service.signal = at, number

        done = service.apply_forked()

        assert done.returncode in {130, 0}  # 0 where the last answer was already on its way
        changes = [change.what for change in service.world.record]
        reported = _figures(done.stdout)
        assert reported.get("deleted", 0) == changes.count("delete"), done.stdout
        made = reported.get("created", 0) + reported.get("still in progress", 0)
        assert made == changes.count("create"), done.stdout
        assert changes == [] or "Apply" in done.stdout
        check_next_run(service)


def check_next_run(service: Killer) -> None:
    service.at = None
    done = service.apply()
    assert done.returncode == 0, done.shown
    time.sleep(service.world.backup_seconds)
    assert is_exact(service.world), dumped(service.world)
    check_record(service.world)


def _figures(out: str) -> dict[str, int]:
    return {name: int(number) for number, name in re.findall(r"(\d+) (created|deleted|still in progress)", out)}


def test_a_second_interrupt_stops_at_once_and_says_what_cannot_be_known(tmp_path: Path) -> None:
    with killer(tmp_path) as service:
        service.at_request, service.signal = "POST /backups/", signal.SIGINT
        service.signals_again, service.hangs = True, 30.0
        started = time.monotonic()

        done = service.apply_forked()

        assert done.returncode == 130
        assert time.monotonic() - started < service.hangs
        assert "Interrupt again to stop immediately." in done.stderr
        assert "of unknown outcome" in done.stdout
