"""Every check of doctor, from values: what it says when all is well, and what it finds wrong."""

import json
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.build import NOW, WEB, backup, config, declare, inventory
from support.render import shown, value

from reconcile.actual.errors import ApiError, FinalError, OutcomeUnknownError
from reconcile.actual.inventory import OddEntry, Server
from reconcile.desired.config import Config
from reconcile.desired.locate import Source
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.insight.doctor import AccessFacts, Check, Diagnosis, ListFacts, ServiceFacts, TokenFacts, diagnose
from reconcile.report.doctor import doctor_json, doctor_text

CONFIG = declare('{ description = "nightly" }')
ACCESS = AccessFacts(base_url="https://vps.example/api/v1", token_from="VPS_API_TOKEN", proxies={})
LIST = ListFacts(path="/backups/", entries=1, count=1, has_next=False, new_fields=(), missing_fields=())


def token(*permissions: str) -> TokenFacts:
    return TokenFacts(name="ci", permissions=permissions)


NIGHTLY = "backups = [{ description = 'nightly', every = '1d', keep = 3 }]\n"
SEEN = replace(inventory(backup(1)), account="ops@example.com")
SERVICE = ServiceFacts(
    inventory=SEEN,
    filtered=frozenset({1}),
    requests=1,
    token=token("*:*"),
    lists=(LIST, replace(LIST, path="/servers/")),
    rate_limits={},
)
REFUSED = FinalError("GET https://vps.example/api/v1/x/", "403 Forbidden", "The token lacks a permission.", status=403)
LOST = OutcomeUnknownError("GET https://vps.example/api/v1/x/", "500 Internal Server Error", "Try again later.")


def diagnosed(
    files: Config | UserError = CONFIG,
    access: AccessFacts | UserError = ACCESS,
    service: ServiceFacts | UserError | None = SERVICE,
) -> Diagnosis:
    return diagnose(files, access, service, {"python": "3.11", "platform": "Linux"}, NOW)


def with_inventory(**changes: Any) -> ServiceFacts:  # noqa: ANN401 - fields of an inventory
    """Return the facts of a service whose account is another in these fields."""
    return replace(SERVICE, inventory=replace(SEEN, **changes))


def problems(diagnosis: Diagnosis, check: Check) -> list[tuple[str, str]]:
    return [(found.severity, found.summary) for found in diagnosis.checks[check]]


def lines(diagnosis: Diagnosis, *, verbose: bool = False) -> list[str]:
    return shown(doctor_text(diagnosis, verbose=verbose).lines, 1000).splitlines()


def test_json_says_of_no_check_with_errors_or_warnings_that_all_is_well() -> None:
    files = declare('{ description = "nightly" }', server='pause = { until = 2026-03-01, reason = "move" }')
    checks = {each["check"]: each for each in value(doctor_json(diagnosed(files)))["checks"]}

    assert (checks["file"]["ok"], checks["file"]["found"]) == (False, None)
    assert checks["declared servers"]["found"] == "all match the account"


def test_each_check_that_passed_is_one_line() -> None:
    diagnosis = diagnosed()

    assert lines(diagnosis) == [
        "✓ file: valid, 1 series on 1 server",
        "✓ token: from VPS_API_TOKEN",
        "✓ service: https://vps.example/api/v1, TLS, no proxy",
        "✓ permissions: token 'ci' has *:*, enough for plan, apply and restore",
        "✓ lists: 1 server and 1 manual backup read, as many as the service counts",
        "✓ entries: all are as documented, and reconcile knows each type and status",
        "✓ filter: the list of manual backups is complete",
        "✓ clock: 0s from the service's",
        "- account: the token belongs to: ops@example.com",
        "✓ declared servers: all match the account",
        "Ready to apply.",
    ]
    assert diagnosis.errors == 0


def test_what_was_not_checked_has_no_tick() -> None:
    diagnosis = diagnosed(service=LOST)

    assert lines(diagnosis) == [
        "✓ file: valid, 1 series on 1 server",
        "- token: from VPS_API_TOKEN",
        "error: GET https://vps.example/api/v1/x/: 500 Internal Server Error",
        "  Try again later.",
        "Not ready to apply: 1 error.",
    ]


def test_how_the_lists_differ_from_their_documentation_is_shown_on_request() -> None:
    odd = replace(LIST, path="/servers/", new_fields=("zone",), missing_fields=("id", "os"), count=9, has_next=True)
    service = replace(
        SERVICE,
        lists=(replace(LIST, has_next=None), odd),
        rate_limits={"x-ratelimit-limit": "60", "retry-after": "1"},
    )
    details = [
        "- /backups/: 1 on the first page, count 1, has no next",
        "- /servers/: 1 on the first page, count 9, has next",
        "- fields of /servers/: new zone; missing id, os",
        "- paging: 1 request for 1 backup",
        "- rate limit: x-ratelimit-limit: 60; retry-after: 1",
    ]

    assert lines(diagnosed(service=service)) == lines(diagnosed())
    assert lines(diagnosed(service=service), verbose=True)[-6:-1] == details
    assert lines(diagnosed(), verbose=True)[-2] == "- rate limit: the service announces none"


class TestFile:
    def test_with_errors_shows_each(self) -> None:
        errors = [Diagnostic(summary=each, found=Source(filename="x", text="").at(1, 1)) for each in "ab"]

        diagnosis = diagnosed(UserError("invalid", diagnostics=errors))

        assert problems(diagnosis, Check.FILE) == [("error", "a"), ("error", "b")]
        assert Check.SERVERS not in diagnosis.checks
        assert diagnosis.errors == 2

    @pytest.mark.parametrize("service", [None, SERVICE], ids=["offline", "online"])
    def test_that_break_a_rule_of_require_are_as_invalid_as_validate_says(self, service: ServiceFacts | None) -> None:
        diagnosis = diagnosed(
            config("[require]\nretention = '30d'\n[servers.web]\nid = 1\n" + NIGHTLY), service=service
        )

        ((severity, summary),) = problems(diagnosis, Check.FILE)
        assert (severity, "only 2d" in summary) == ("error", True), summary
        assert diagnosis.errors == 1

    def test_without_a_series_backs_up_nothing(self) -> None:
        assert problems(diagnosed(declare("")), Check.FILE) == [("warning", "no series is declared")]


class TestAccess:
    def test_without_a_token_says_what_to_do(self) -> None:
        diagnosis = diagnosed(access=UserError("no token", "Create one."), service=None)

        assert lines(diagnosis)[1:] == ["error: no token", "  Create one.", "Not ready to apply: 1 error."]

    @pytest.mark.parametrize(
        ("proxies", "message"),
        [
            (
                {"HTTPS_PROXY": "http://user:secret@proxy.example:8080", "http_proxy": ""},
                "HTTPS_PROXY is proxy.example",
            ),
            ({"https_proxy": "user:secret@proxy.example:8080"}, "https_proxy is proxy.example"),
            ({"ALL_PROXY": "http://[secret"}, "ALL_PROXY is not a URL"),
            ({"ALL_PROXY": "http://"}, "ALL_PROXY is not a URL"),
        ],
    )
    def test_names_proxies_without_their_passwords(self, proxies: dict[str, str], message: str) -> None:
        found = lines(diagnosed(access=replace(ACCESS, proxies=proxies)))

        assert f"✓ service: https://vps.example/api/v1, TLS, {message}" in found

    def test_to_this_machine_has_no_proxy(self) -> None:
        local = AccessFacts(base_url="http://127.0.0.1:1/api/v1", token_from="x", proxies={"HTTP_PROXY": "http://p"})

        assert "✓ service: http://127.0.0.1:1/api/v1, plain http on this machine" in lines(diagnosed(access=local))


@dataclass(frozen=True)
class Case:
    reason: str
    service: ServiceFacts
    check: Check
    expected: list[tuple[str, str]]


CASES = [
    Case(
        "a read-only token",
        replace(SERVICE, token=token("servers:read")),
        Check.PERMISSIONS,
        [("error", "the token 'ci' has no permission to change anything, only servers:read")],
    ),
    Case(
        "permissions that reconcile does not know",
        replace(SERVICE, token=token("disks:juggle")),
        Check.PERMISSIONS,
        [("warning", "reconcile does not know the permissions of the token 'ci': disks:juggle")],
    ),
    Case(
        "no permission at all",
        replace(SERVICE, token=token()),
        Check.PERMISSIONS,
        [("warning", "reconcile does not know the permissions of the token 'ci': none")],
    ),
    Case(
        "no response about the token",
        replace(SERVICE, token=REFUSED),
        Check.PERMISSIONS,
        [
            (
                "warning",
                "the permissions of the token are unknown: GET https://vps.example/api/v1/x/: 403 Forbidden",
            )
        ],
    ),
    Case(
        "a list that is not complete",
        replace(SERVICE, inventory=LOST),
        Check.LISTS,
        [("error", "GET https://vps.example/api/v1/x/: 500 Internal Server Error")],
    ),
    Case(
        "unknown statuses",
        with_inventory(backups=(backup(1, status="paused"), backup(2, status="archiving"), backup(3))),
        Check.ENTRIES,
        [("warning", "backups have a status that reconcile does not know: 'archiving', 'paused'")],
    ),
    Case(
        "an unknown type, and a field that can't be read",
        with_inventory(
            backups=(
                backup(1, backup_type="snapshot"),
                replace(backup(2), status="", backup_type="", unreadable=("status", "backup_type")),
            )
        ),
        Check.ENTRIES,
        [
            ("warning", "1 entry of the service's lists can't be read completely"),
            ("warning", "backups have a type that reconcile does not know: 'snapshot'"),
        ],
    ),
    Case(
        "a filter that leaves out manual backups",
        with_inventory(backups=(backup(1), backup(2), backup(3), backup(4, backup_type="automatic"))),
        Check.FILTER,
        [("error", "the list of manual backups lacks #2 and 1 more")],
    ),
    Case(
        "a filter that the service rejects",
        replace(SERVICE, filtered=REFUSED),
        Check.FILTER,
        [("error", "GET https://vps.example/api/v1/x/: 403 Forbidden")],
    ),
    Case(
        "a token without permission to list servers",
        with_inventory(servers=None),
        Check.SERVERS,
        [("warning", "server names were not fully checked")],
    ),
    Case(
        "no Date header",
        with_inventory(service_time=None),
        Check.CLOCK,
        [("error", "this machine's clock can't be checked: the service's response has no readable Date header")],
    ),
    *(
        Case(
            f"a clock that is off by {seconds} seconds",
            with_inventory(observed_at=NOW + timedelta(seconds=seconds)),
            Check.CLOCK,
            expected,
        )
        for seconds, expected in (
            (-60, []),
            (61, [("warning", "this machine's clock and the service's differ by 1min 1s")]),
            (600, [("warning", "this machine's clock and the service's differ by 10min")]),
            (-601, [("error", "this machine's clock is 10min 1s behind the service's")]),
        )
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_service(case: Case) -> None:
    diagnosis = diagnosed(service=case.service)

    assert problems(diagnosis, case.check) == case.expected
    assert all(found.detail or isinstance(case.service.inventory, ApiError) for found in diagnosis.checks[case.check])


class TestServers:
    DECLARED = config("[servers.web]\nid = 1\n[servers.secret]\nid = 2\npinned = [7, 8]\n[servers.gone]\nid = 3\n")

    def test_that_do_not_match_the_account_are_reported_as_plan_reports_them(self) -> None:
        held = (backup("7", server=Server(id=2, name="secret")), backup("8", server=Server(id=2, name="secret")))
        service = with_inventory(backups=held, servers=(WEB, Server(id=2, name="secret")))

        found = diagnosed(self.DECLARED, service=service).checks[Check.SERVERS]

        assert [each.address for each in found] == ["secret", "secret", "gone"]
        assert [each.severity for each in found] == ["error", "error", "error"]

    def test_are_not_named_in_a_bug_report(self) -> None:
        report = value(doctor_json(diagnosed(self.DECLARED, service=with_inventory(servers=(WEB,)))))

        (servers,) = [each for each in report["checks"] if each["check"] == "declared servers"]
        assert servers["diagnostics"] == [{"severity": "error"}] * 2
        assert "secret" not in json.dumps(report)


NAMED = "[settings]\naccount = 'ops@example.com'\n"


class TestAccount:
    def test_that_the_files_name_is_checked(self) -> None:
        assert "✓ account: the token belongs to: ops@example.com" in lines(diagnosed(config(NAMED)))

    def test_of_another_is_an_error_and_the_servers_are_compared_all_the_same(self) -> None:
        diagnosis = diagnosed(config(NAMED.replace("ops", "dev")))

        assert problems(diagnosis, Check.ACCOUNT) == [
            ("error", "the token belongs to 'ops@example.com', but [settings] has account = 'dev@example.com'")
        ]
        assert diagnosis.checks[Check.SERVERS] == ()

    def test_that_the_service_does_not_name_is_an_error_only_where_the_files_do(self) -> None:
        unknown = with_inventory(account=None)

        assert [severity for severity, _ in problems(diagnosed(config(NAMED), service=unknown), Check.ACCOUNT)] == [
            "error"
        ]
        assert not [line for line in lines(diagnosed(service=unknown)) if "account:" in line]

    def test_is_not_in_a_bug_report(self) -> None:
        for named in ("ops", "dev"):
            assert "@example.com" not in json.dumps(value(doctor_json(diagnosed(config(NAMED.replace("ops", named))))))


class TestFleets:
    THREE = (WEB, Server(id=2, name="web-2"), Server(id=3, name="db"))
    FLEETS = "[fleets.web]\nmatch = 'web*'\n[fleets.rest]\nmatch = '*'\n"

    def test_are_shown_with_how_many_servers_each_has(self) -> None:
        diagnosis = diagnosed(config(self.FLEETS), service=with_inventory(servers=self.THREE))

        assert "✓ fleets: 2 fleets with 3 servers: web 2, rest 1" in lines(diagnosis)
        assert "2 fleets with 3 servers" in json.dumps(value(doctor_json(diagnosis)))
        assert "web" not in json.dumps(value(doctor_json(diagnosis)))

    def test_without_a_server_are_reported_as_plan_reports_them(self) -> None:
        ((severity, summary),) = problems(diagnosed(config(self.FLEETS)), Check.FLEETS)

        assert severity == "warning"
        assert "fleet 'rest'" in summary

    def test_need_a_token_with_permission_to_list_servers(self) -> None:
        diagnosis = diagnosed(config(self.FLEETS), service=with_inventory(servers=None))

        assert [severity for severity, _ in problems(diagnosis, Check.FLEETS)] == ["error"]

    def test_that_leave_a_server_undeclared_do_not_satisfy_all_servers(self) -> None:
        require = "[require]\nall_servers = true\n"
        service = with_inventory(servers=self.THREE)
        everything = diagnosed(config(f"{require}{self.FLEETS}"), service=service)

        found = diagnosed(config(f"{require}[fleets.web]\nmatch = 'web*'"), service=service)

        assert [severity for severity, _ in problems(found, Check.REQUIRE)] == ["error"]
        assert "✓ require: every server in the account is declared" in lines(everything)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"token": null}', b'{"token": {"name": "x"}}', b"[" * 100_000])
def test_a_token_that_is_not_described_as_documented_is_an_error(body: bytes) -> None:
    found = TokenFacts.read(body)

    assert isinstance(found, UserError)
    assert "not as documented" in str(found)


@pytest.mark.parametrize("body", [b" <html>", b"{", b"[]", b'{"results": 1}'])
def test_what_is_no_page_of_a_list_is_left_out(body: bytes) -> None:
    assert ListFacts.read("/servers/", body, {"id"}) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"count": 9, "next": "x", "results": [{"id": 1, "zone": 2}]}', (1, 9, True, ("zone",), ())),
        (b'{"count": null, "results": [{}, 1]}', (2, None, None, (), ("id",))),
    ],
)
def test_a_first_page_is_described_whatever_is_wrong_with_it(body: bytes, expected: tuple[object, ...]) -> None:
    found = ListFacts.read("/servers/", body, {"id"})

    assert found is not None
    assert (found.entries, found.count, found.has_next, found.new_fields, found.missing_fields) == expected


def test_an_account_without_backups_checks_nothing_about_them() -> None:
    found = diagnosed(service=with_inventory(backups=()))
    checks = found.checks

    assert {Check.LISTS, Check.ENTRIES} <= set(checks)
    assert Check.FILTER not in checks
    assert not [line for line in lines(found) if "filter" in line]


def test_odd_entries_are_reported_even_if_no_backup_is_identified() -> None:
    odd = OddEntry(kind="backup", id=1, unreadable=("server",))

    ((severity, _),) = problems(diagnosed(service=with_inventory(backups=(), unidentified=(odd,))), Check.ENTRIES)

    assert severity == "warning"


def test_the_page_of_assumptions_names_only_lines_of_doctor_and_all_that_are_about_the_service() -> None:
    page = (Path(__file__).parents[2] / "reconcile/help/assumptions.md").read_text(encoding="utf-8")
    rows = [row for row in page.partition("## ")[0].splitlines()[2:] if row.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split(" | ")[-1])} - {"doctor", "-v"}
    details = {line.removeprefix("- ").partition(":")[0] for line in lines(diagnosed(), verbose=True)}
    ours = {Check.FILE, Check.TOKEN, Check.SERVICE, Check.FLEETS, Check.REQUIRE}

    assert named <= {*Check, *details}
    assert named >= {*Check} - ours
