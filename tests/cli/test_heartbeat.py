"""The heartbeat: every end of a run is reported, and nothing that the heartbeat service does reaches the run."""

import io
import signal
import ssl
import time
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path

import pytest
import trustme
from support.command import Sandbox, sandbox
from support.heartbeats import PING, Heartbeats, heartbeats
from support.killer import killer
from support.loopback import Loopback, break_tls

from reconcile.cli.heartbeat import Heartbeat
from reconcile.cli.output import Output

APPLY = ("apply", "--auto-approve")
CHECK = ("status", "--check")


@pytest.fixture
def heart() -> Iterator[Heartbeats]:
    with heartbeats() as served:
        yield served


class TestReports:
    def test_the_start_and_the_end_of_an_apply_with_its_figures(self, service: Sandbox, heart: Heartbeats) -> None:
        done = service.run(*APPLY, RECONCILE_HEARTBEAT_URL=heart.url)

        assert done.returncode == 0, done.stderr
        assert heart.reports == [
            ("start", ""),
            ("0", "Apply: 1 created, 0 deleted"),
        ]

    def test_a_secret_with_a_line_break_at_its_end_is_still_a_url(self, service: Sandbox, heart: Heartbeats) -> None:
        service.run(*CHECK, RECONCILE_HEARTBEAT_URL=f"{heart.url}\n")

        assert heart.signals == ["start", "2"]

    def test_a_check_that_finds_something_and_one_that_does_not(self, service: Sandbox, heart: Heartbeats) -> None:
        service.run(*CHECK, RECONCILE_HEARTBEAT_URL=heart.url)
        service.run(*APPLY)
        service.run(*CHECK, "-q", RECONCILE_HEARTBEAT_URL=heart.url)

        assert heart.signals == ["start", "2", "start", "0"]
        assert heart.reports[-1][1].startswith("1 of 1 series healthy")

    def test_an_apply_whose_backup_fails(self, tmp_path: Path, heart: Heartbeats) -> None:
        with sandbox(tmp_path, fails=True) as failing:
            failing.write('[servers.web-server-01]\nid = 12345\nbackups = [{ description = "secret name" }]\n')
            assert failing.run(*APPLY, RECONCILE_HEARTBEAT_URL=heart.url).returncode == 1

        assert heart.signals == ["start", "1"]
        assert "1 failed" in heart.reports[-1][1]
        assert "name" not in str(heart.reports)

    def test_a_file_with_an_error_and_a_token_that_is_missing(self, service: Sandbox, heart: Heartbeats) -> None:
        service.run(*APPLY, RECONCILE_HEARTBEAT_URL=heart.url, VPS_API_TOKEN="")
        service.write("[servers")
        service.run(*CHECK, RECONCILE_HEARTBEAT_URL=heart.url)

        assert heart.signals == ["start", "1", "start", "1"]

    def test_nothing_without_a_url_and_of_commands_that_no_schedule_needs(
        self, service: Sandbox, heart: Heartbeats
    ) -> None:
        for command in (("plan",), ("status",), ("list",)):
            assert service.run(*command, RECONCILE_HEARTBEAT_URL=heart.url).returncode == 0
        assert service.run(*APPLY, RECONCILE_HEARTBEAT_URL="").returncode == 0

        assert heart.reports == []

    def test_to_a_url_with_a_query_and_a_slash_at_its_end(self, service: Sandbox, heart: Heartbeats) -> None:
        service.run(*APPLY, RECONCILE_HEARTBEAT_URL=f"{heart.url}/?create=1")

        assert heart.paths == [f"{PING}/start?create=1", f"{PING}/0?create=1"]

    @pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
    def test_an_apply_that_a_signal_ends(self, name: str, tmp_path: Path, heart: Heartbeats) -> None:
        with killer(tmp_path) as service:
            service.signal = getattr(signal, name)
            service.at_request = "POST /backups/"
            service.write('[servers.db]\nid = 2\nbackups = [{ description = "new" }]\n')
            done = service.run(*APPLY, RECONCILE_HEARTBEAT_URL=heart.url)

        assert done.returncode == 130
        assert heart.signals == ["start", "130"]

    def test_an_apply_that_is_stopped_while_it_reports_its_start(self, tmp_path: Path) -> None:
        with killer(tmp_path) as service, heartbeats(hangs=True) as heart:
            service.signal = signal.SIGTERM
            heart.on_report = lambda: service.stop() if heart.signals == ["start"] else heart.released.set()
            done = service.run_forked(*APPLY, RECONCILE_HEARTBEAT_URL=heart.url)

        assert done.returncode == 130
        assert heart.signals == ["start", "130"]
        assert service.requests == []


class TestAServiceThatFails:
    """Costs the run one warning, without the URL, and nothing else."""

    def _report(self, url: str, *, seconds: float = 5.0) -> str:
        """Report a start and an end, and return the only warning."""
        shown = io.StringIO()
        with redirect_stderr(shown):
            beat = Heartbeat(url, Output(debug=True), seconds=seconds, pause=0.01)
            beat.report("start")
            beat.report("0")
        assert shown.getvalue().count("heartbeat") == 1
        assert "5f0c" not in shown.getvalue()
        return shown.getvalue()

    @pytest.mark.parametrize("status", [500, 404, 302, 307])
    def test_responding_with_an_error_or_a_redirect(self, status: int) -> None:
        with heartbeats(status=status) as heart:
            assert f"the service responded {status}" in self._report(heart.url)

        assert set(heart.signals) == {"start", "0"}, "no redirect is followed"

    def test_with_a_certificate_that_is_not_trusted(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

        with heartbeats(context) as heart:
            assert "the service can't be reached (ConnectError)" in self._report(heart.url)

        assert heart.reports == []

    def test_breaking_the_connection_in_tls(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

        with Loopback(handle=break_tls, tls=context).serve() as port:
            assert "the service can't be reached (SSLError)" in self._report(f"https://127.0.0.1:{port}{PING}")

    @pytest.mark.parametrize(
        ("url", "problem"),
        [
            ("hc-ping.com/5f0c", "is not an http or https URL"),
            ("ftp://hc/5f0c", "is not an http or https URL"),
            ("http://hc:port/5f0c", "is not an http or https URL"),
            ("http://localhost:0/5f0c", "is not an http or https URL"),
            ("http://localhost:99999/5f0c", "is not an http or https URL"),
            ("http://xn--/5f0c", "is not an http or https URL"),
            ("http://hc/\udcff5f0c", "is not an http or https URL"),
            ("http://127.0.0.1:1/5f0c", "can't be reached"),
        ],
    )
    def test_being_absent_or_without_a_url(self, url: str, problem: str) -> None:
        assert problem in self._report(url)

    def test_hanging_costs_the_time_limit_and_no_more(self) -> None:
        with heartbeats(hangs=True) as heart:
            started = time.monotonic()
            assert "no response within" in self._report(heart.url, seconds=0.2)

            assert time.monotonic() - started < 20
        assert heart.signals == ["start", "0"]

    def test_once_gets_the_report_again(self) -> None:
        shown = io.StringIO()
        with heartbeats(status=503) as heart, redirect_stderr(shown):
            heart.on_report = lambda: setattr(heart, "status", 503 if len(heart.reports) == 1 else 200)
            Heartbeat(heart.url, Output(), pause=0.01).report("0", "all well")

        assert heart.reports == [("0", "all well")] * 2
        assert shown.getvalue() == ""

    def test_leaves_the_run_its_exit_code_and_its_output(self, service: Sandbox) -> None:
        done = service.run(*APPLY, "--json", RECONCILE_HEARTBEAT_URL="ftp://hc/5f0c")

        assert done.returncode == 0, done.stderr
        assert done.stderr.count("heartbeat") == 1
        assert "heartbeat" not in done.stdout
