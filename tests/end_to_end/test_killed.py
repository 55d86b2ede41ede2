"""The installed command, killed or interrupted at every request in turn, and run again: exact, every time."""

import re
import signal
import time
from pathlib import Path

import pytest
from support.killer import dumped, killer
from support.schedules import check_record, clean_requests, is_exact

REQUESTS = len(clean_requests())


@pytest.mark.parametrize("at", range(REQUESTS))
def test_sigkill_after_a_request_was_carried_out_and_before_its_answer(at: int, tmp_path: Path) -> None:
    with killer(tmp_path) as service:
        service.at, service.signal = at, signal.SIGKILL
        code, _, _ = service.apply()
        assert code in {-signal.SIGKILL, 0}  # 0 where this run needed fewer requests

        service.at = None
        code, out, err = service.apply()

        assert code == 0, out + err
        time.sleep(service.world.backup_seconds)
        assert is_exact(service.world), dumped(service.world)
        check_record(service.world)


@pytest.mark.parametrize(("at", "name"), [*((it, "SIGINT") for it in range(REQUESTS)), (1, "SIGTERM"), (6, "SIGTERM")])
def test_an_interrupt_exits_130_with_a_true_report(
    at: int, name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if at % 2 and name == "SIGINT" and not request.config.getoption("--all-schedules"):
        pytest.skip("every second request, but with --all-schedules")
    with killer(tmp_path) as service:
        service.at, service.signal = at, getattr(signal, name)
        code, out, _ = service.apply()

        if code != 0:  # 0 where the last answer was already on its way
            assert code == 130
        done = [it.what for it in service.world.record]
        told = {word: int(number) for number, word in re.findall(r"(\d+) (created|deleted|not seen)", out)}
        assert told.get("deleted", 0) == done.count("delete"), out
        assert told.get("created", 0) + told.get("not seen", 0) == done.count("create"), out
        assert done == [] or "Apply" in out

        service.at = None
        code, out, err = service.apply()
        assert code == 0, out + err
        time.sleep(service.world.backup_seconds)
        assert is_exact(service.world), dumped(service.world)
        check_record(service.world)


def test_a_second_interrupt_stops_at_once_and_says_what_can_not_be_known(tmp_path: Path) -> None:
    with killer(tmp_path) as service:
        service.at, service.signal, service.hangs = clean_requests().index("POST /backups/"), signal.SIGINT, 30.0
        begun = time.monotonic()
        code, out, err = service.apply()

        assert code == 130
        assert time.monotonic() - begun < service.hangs
        assert "Once more stops at once" in err
        assert "unknown: stopped at once; it may have been carried out" in out
