"""Ctrl-C at any moment: nothing new is sent, the report is true, and the exit code is 130."""

import json
import signal
import time

import pytest
from support.killer import Killer
from support.schedules import OLD, clean_requests

from reconcile.actual.credentials import Access
from reconcile.actual.reader import Reader
from reconcile.cli.connection import connect
from reconcile.cli.output import Output
from reconcile.cli.process import INTERRUPTS, handled
from reconcile.cli.session import Session
from reconcile.cli.system_clock import SystemClock

RESTORE = ("restore", "db", "--backup", str(OLD), "--auto-approve")
READING = [["plan"], ["status"], ["import"], ["list"], ["init", "--out", "new.toml"], ["doctor"], [*RESTORE]]


@pytest.fixture
def service(odd_service: Killer) -> Killer:
    odd_service.signal = signal.SIGINT
    return odd_service


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_a_command_that_reads_ends_at_once_with_130(command: list[str], service: Killer) -> None:
    service.at, service.hangs = 0, 30.0
    if command[0] == "restore":
        service.hangs = 0.5  # it changes something in the end, so it waits for what is in flight

    started = time.monotonic()
    done = service.run(*command)

    assert done.returncode == 130
    assert done.stdout == ""
    assert "error" not in done.stderr
    assert time.monotonic() - started < 10
    assert service.world.record == []


@pytest.mark.parametrize("number", INTERRUPTS, ids=lambda number: number.name)
def test_a_signal_after_the_last_request_is_an_interrupt_too(number: signal.Signals) -> None:
    """What is left to do may take a while: a record of a large account, or the report to a heartbeat service."""
    access = Access(base_url="http://127.0.0.1:9/api/v1", token="vps_unused_token", token_from="test")

    async def work(_: Reader) -> None:
        """Send no request."""

    with handled(signal.default_int_handler, *INTERRUPTS):
        connect(Session(output=Output(), clock=SystemClock()), work, access=access)

        assert signal.getsignal(number) is signal.default_int_handler


class TestApply:
    def test_finishes_what_is_in_flight(self, service: Killer) -> None:
        service.at_request = "POST /backups/"

        done = service.apply()

        assert done.returncode == 130
        assert (
            "Interrupted. Starting nothing new and finishing the requests in flight. "
            "Interrupt again to stop immediately." in done.stderr
        )
        assert ": still in progress: interrupted; counted by the next apply" in done.stdout
        assert "Run apply again" in done.stdout

    def test_stops_at_once_when_interrupted_again_and_says_what_is_unknown(self, service: Killer) -> None:
        service.at_request, service.signals_again, service.hangs = "POST /backups/", True, 30.0

        started = time.monotonic()
        done = service.apply()

        assert done.returncode == 130
        assert time.monotonic() - started < 10
        assert "of unknown outcome" in done.stdout

    @pytest.mark.parametrize("at", [0, clean_requests().index("POST /backups/"), 6])
    def test_ends_its_json_with_the_figures(self, at: int, service: Killer) -> None:
        service.at = at

        done = service.apply("--json")

        last = json.loads(done.stdout.splitlines()[-1])
        changes = [change.what for change in service.world.record]
        figures = last["changes"]
        assert done.returncode == 130
        assert (last["type"], last["operation"]) == ("change_summary", "apply")
        assert figures["remove"] == changes.count("delete")
        assert figures["add"] <= changes.count("create")
        counted = sum(count for count in figures.values() if isinstance(count, int))
        assert counted == (5 if at else 0)


class TestRestore:
    SAFE = (*RESTORE, "--safety-backup")

    def test_with_a_safety_backup_sends_nothing_after_an_interrupt_at_any_request(self, service: Killer) -> None:
        account = service.world.account
        backups = list(account.backups)
        service.run(*self.SAFE)
        requests = list(service.requests)
        assert requests[-1] == "POST /servers/2/restore/"
        service.hangs = 0.1  # so that the interrupt comes before the answer

        for at in range(len(requests) - 1):
            service.world.record.clear()
            account.backups[:] = backups
            service.at = at
            done = service.run(*self.SAFE)

            changes = [change.what for change in service.world.record]
            assert done.returncode == 130, (at, done.shown)
            assert "restore" not in changes
            assert "Interrupted; nothing was restored." in done.stderr
            made_it = "POST /backups/" in requests[: at + 1]
            assert changes == (["create"] if made_it else []), (at, requests)

    def test_in_flight_may_have_begun_and_says_what_to_check(self, service: Killer) -> None:
        service.at_request, service.hangs = "POST /servers/2/restore/", 0.5

        done = service.run(*RESTORE)

        assert done.returncode == 130
        assert [change.what for change in service.world.record] == ["restore"]
        assert "Interrupted. The restore may have started." in done.stderr
        assert "Do not run the command again yet. Check the server in the web panel" in done.stderr
        assert "Started restoring" in done.stdout

    def test_in_flight_ends_at_once_when_interrupted_again(self, service: Killer) -> None:
        service.at_request, service.signals_again, service.hangs = "POST /servers/2/restore/", True, 30.0

        started = time.monotonic()
        done = service.run(*RESTORE)

        assert done.returncode == 130
        assert time.monotonic() - started < 10
        assert "the restore may have started" in done.stderr
        assert "Do not run the command again yet." in done.stderr
        assert "The service has begun" not in done.stdout
