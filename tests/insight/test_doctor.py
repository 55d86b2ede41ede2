"""Every judgement of doctor, from values: the right line says so, and whether apply can work."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from support.build import NOW, WEB, backup, config, declare, inventory

from reconcile.actual.errors import ApiError, OutcomeUnknownError, RefusedError
from reconcile.actual.facts import BACKUP_FIELDS, SERVER_FIELDS, ServiceFacts, read_account_facts, read_first_page
from reconcile.actual.inventory import Server
from reconcile.diagnostics import Diagnostic, Position, Range, UserError
from reconcile.insight.doctor import AccessFacts, Diagnosis, Finding, Verdict, findings
from reconcile.report.doctor_json import doctor_json

OK, WARNING, ERROR = Verdict.OK, Verdict.WARNING, Verdict.ERROR
CONFIG = declare('{ description = "nightly" }')
ACCESS = AccessFacts(base_url="https://vps.example/api/v1", token_from="VPS_API_TOKEN", proxies={})
BACKUP = dict.fromkeys(("id", "server", "backup_type", "size_mb", "created_at", "expires_at", "description"), "any") | {
    "status": "completed"
}
SERVER = dict.fromkeys(
    ("id", "name", "hostname", "status", "ip_address", "location", "plan", "os", "created_at", "updated_at"), "any"
)


def page(*entries: object, **fields: object) -> bytes:
    return json.dumps({"count": len(entries), "next": None, "results": entries} | fields).encode()


def account(*permissions: str) -> bytes:
    answer = {"account": {"email": "ops@example.com"}, "token": {"name": "ci", "permissions": permissions}}
    return json.dumps(answer).encode()


SERVICE = ServiceFacts(
    backups=read_first_page(page(BACKUP), BACKUP_FIELDS),
    servers=read_first_page(page(SERVER), SERVER_FIELDS),
    account=read_account_facts(account("*:*")),
    inventory=inventory(backup(1)),
    service_time=NOW,
    our_time=NOW,
    rate_limits=(),
)
REFUSED = RefusedError("GET https://vps.example/api/v1/x/", 403, "403 Forbidden", "The token lacks a permission.")
LOST = OutcomeUnknownError("GET https://vps.example/api/v1/x/", "500 Internal Server Error", "Try again later.")


def answered(
    *, backups: bytes | None = None, servers: bytes | None = None, account: bytes | None = None
) -> ServiceFacts:
    """Return the facts of a service with these answers."""
    return replace(
        SERVICE,
        backups=SERVICE.backups if backups is None else read_first_page(backups, BACKUP_FIELDS),
        servers=SERVICE.servers if servers is None else read_first_page(servers, SERVER_FIELDS),
        account=SERVICE.account if account is None else read_account_facts(account),
    )


def of(found: tuple[Finding, ...], check: str) -> list[tuple[Verdict, str]]:
    return [(finding.verdict, finding.explanation) for finding in found if finding.check == check]


def test_all_is_well() -> None:
    found = findings(CONFIG, ACCESS, SERVICE)

    assert [(finding.check, finding.explanation) for finding in found] == [
        ("file", "valid, 1 series on 1 server"),
        ("token", "from VPS_API_TOKEN"),
        ("base URL", "https://vps.example/api/v1, TLS, no proxy"),
        ("permissions", "token 'ci' has *:*: enough for plan, apply and restore"),
        ("backups", "1 on the first page, count 1, next is null"),
        ("whole list", "1 manual backup read, as many as the service counts"),
        ("servers", "1 on the first page, count 1, next is null"),
        ("clock", "0s between ours and the service's"),
        ("rate limit", "the service announces none"),
        ("account", "the files do not name it"),
        ("declared servers", "all fit the account"),
    ]
    assert {finding.verdict for finding in found} == {OK}
    assert [finding.check for finding in found if finding.advice] == ["account"]
    assert Diagnosis(findings=found, python="3.11", platform="Linux").errors == 0


class TestFile:
    def test_that_is_missing_is_named(self) -> None:
        missing = UserError("backups.toml: no such file")

        assert of(findings(missing, ACCESS, None), "file") == [(ERROR, "backups.toml: no such file")]

    def test_that_is_invalid_is_a_number_of_mistakes_which_may_name_servers(self) -> None:
        start = Position(line=1, column=1, byte=0)
        mistake = Diagnostic(summary="secret-server", range=Range(filename="x", start=start, end=start))

        found = findings(UserError("invalid", diagnostics=[mistake, mistake]), ACCESS, SERVICE)

        assert of(found, "file") == [(ERROR, "2 mistakes")]
        assert of(found, "declared servers") == []

    def test_without_a_series_backs_up_nothing(self) -> None:
        assert of(findings(declare(""), ACCESS, None), "file") == [(WARNING, "valid, 0 series on 1 server")]


class TestAccess:
    def test_without_a_token_says_what_to_do(self) -> None:
        (_, finding) = findings(CONFIG, UserError("no token", "Make one."), None)

        assert finding == Finding(check="token", verdict=ERROR, explanation="no token", advice="Make one.")

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
        found = findings(CONFIG, replace(ACCESS, proxies=proxies), None)

        assert of(found, "base URL") == [(OK, f"https://vps.example/api/v1, TLS, {message}")]

    def test_to_this_machine_has_no_proxy(self) -> None:
        local = AccessFacts(base_url="http://127.0.0.1:1/api/v1", token_from="x", proxies={"HTTP_PROXY": "http://p"})

        assert of(findings(CONFIG, local, None), "base URL") == [
            (OK, "http://127.0.0.1:1/api/v1, plain http on this machine")
        ]


@dataclass(frozen=True)
class Case:
    reason: str
    facts: ServiceFacts
    check: str
    expected: list[tuple[Verdict, str]]


FIRST = (OK, "1 on the first page, count 1, next is null")
CASES = [
    Case(
        "a token that may only read",
        answered(account=account("servers:read")),
        "permissions",
        [(ERROR, "token 'ci' has servers:read: enough for plan, not for apply and restore")],
    ),
    Case(
        "permissions that nobody knows",
        answered(account=account("disks:juggle")),
        "permissions",
        [(WARNING, "token 'ci' has disks:juggle: reconcile does not know these")],
    ),
    Case(
        "no permission at all",
        answered(account=account()),
        "permissions",
        [(WARNING, "token 'ci' has none: reconcile does not know these")],
    ),
    Case(
        "no answer about the token",
        replace(SERVICE, account=REFUSED),
        "permissions",
        [(WARNING, "GET https://vps.example/api/v1/x/: 403 Forbidden")],
    ),
    *(
        Case(
            f"an undocumented answer about the token: {body[:20]!r}",
            answered(account=body),
            "permissions",
            [(WARNING, "GET /account/me/ does not answer as documented")],
        )
        for body in (b"", b"[]", b'{"token": null}', b'{"token": {"name": "x"}}', b"[" * 100_000)
    ),
    *(
        Case(
            f"not a list: {body[:20]!r}",
            answered(backups=body),
            "backups",
            [(ERROR, f"the list is not as documented, it is {kind}")],
        )
        for body, kind in (
            (b" <html>", "HTML"),
            (b"{", "something else"),
            (b"[]", "something else"),
            (b'{"results": 1}', "something else"),
        )
    ),
    Case(
        "no count",
        answered(backups=page(BACKUP, count=None)),
        "backups",
        [(ERROR, "1 on the first page, no count, next is null")],
    ),
    Case(
        "more pages",
        answered(backups=page(BACKUP, count=9, next="https://vps.example/api/v1/backups/?page=2")),
        "backups",
        [(OK, "1 on the first page, count 9, has next")],
    ),
    Case(
        "no paging",
        answered(backups=b'{"count": 0, "results": []}'),
        "backups",
        [(OK, "0 on the first page, count 0, has no next")],
    ),
    Case(
        "entries of another kind",
        answered(backups=page(1, "x")),
        "backups",
        [(OK, "0 on the first page, count 2, next is null")],
    ),
    Case(
        "an unknown status",
        answered(backups=page(BACKUP | {"status": "paused"}, BACKUP | {"status": "archiving"})),
        "backups",
        [(OK, "2 on the first page, count 2, next is null"), (WARNING, "unknown statuses: archiving, paused")],
    ),
    Case(
        "new and missing fields",
        answered(
            backups=page({key: BACKUP[key] for key in BACKUP if key not in {"size_mb", "id"}} | {"zone": 1, "a": 1})
        ),
        "backups",
        [FIRST, (WARNING, "fields: new a, zone; missing id, size_mb")],
    ),
    Case(
        "new fields only",
        answered(backups=page(BACKUP | {"region": 1})),
        "backups",
        [FIRST, (WARNING, "fields: new region; missing none")],
    ),
    Case(
        "missing fields only",
        answered(servers=page({key: SERVER[key] for key in SERVER if key != "os"})),
        "servers",
        [FIRST, (WARNING, "fields: new none; missing os")],
    ),
    Case(
        "a list that is not complete",
        replace(SERVICE, inventory=LOST),
        "whole list",
        [(ERROR, "GET https://vps.example/api/v1/x/: 500 Internal Server Error")],
    ),
    Case(
        "a token that may not list servers",
        replace(SERVICE, servers=REFUSED),
        "servers",
        [(WARNING, "GET https://vps.example/api/v1/x/: 403 Forbidden: names are checked against the backups' own")],
    ),
    Case(
        "no answer about servers",
        replace(SERVICE, servers=LOST),
        "servers",
        [(ERROR, "GET https://vps.example/api/v1/x/: 500 Internal Server Error")],
    ),
    Case(
        "a server's status is not a backup's",
        answered(servers=page(SERVER | {"status": "active"})),
        "servers",
        [FIRST],
    ),
    Case(
        "no Date header",
        replace(SERVICE, service_time=None),
        "clock",
        [(WARNING, "the service sends no time (no Date header)")],
    ),
    *(
        Case(
            f"a clock that is off by {seconds} seconds",
            replace(SERVICE, our_time=NOW + timedelta(seconds=seconds)),
            "clock",
            [(verdict, f"{abs(seconds)}s between ours and the service's")],
        )
        for seconds, verdict in ((-60, OK), (61, WARNING), (600, WARNING), (-601, ERROR))
    ),
    Case(
        "limits",
        replace(SERVICE, rate_limits=(("x-ratelimit-limit", "60"), ("retry-after", "1"))),
        "rate limit",
        [(OK, "x-ratelimit-limit: 60; retry-after: 1")],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_service(case: Case) -> None:
    found = findings(CONFIG, ACCESS, case.facts)

    assert of(found, case.check) == case.expected
    assert all(finding.advice for finding in found if finding.verdict is not OK)


def test_a_service_that_does_not_answer_is_one_finding() -> None:
    down: ApiError = LOST

    found = findings(CONFIG, ACCESS, down)

    assert [finding.check for finding in found] == ["file", "token", "base URL", "service"]
    assert (found[-1].verdict, found[-1].advice) == (ERROR, "Try again later.")


class TestFit:
    DECLARED = config("[servers.web]\nid = 1\n[servers.secret]\nid = 2\npinned = [7, 8]\n[servers.gone]\nid = 3\n")

    def fit(self, *servers: Server, can_list: bool = True) -> Finding:
        held = (backup("7", server=Server(id=2, name="secret")), backup("8", server=Server(id=2, name="secret")))
        seen = inventory(*held, servers=servers if can_list else None)
        return findings(self.DECLARED, ACCESS, replace(SERVICE, inventory=seen))[-1]

    def test_names_each_server_that_does_not_fit_once_and_apart(self) -> None:
        finding = self.fit(WEB, Server(id=2, name="secret"))

        assert (finding.verdict, finding.explanation) == (ERROR, "2 of 3 do not fit the account")
        assert finding.servers == ("secret", "gone")
        assert finding.advice == "reconcile plan shows what to change."

    def test_is_not_known_for_a_server_that_no_list_names(self) -> None:
        seen = inventory(backup(1), servers=None)

        finding = findings(self.DECLARED, ACCESS, replace(SERVICE, inventory=seen))[-1]

        assert (finding.verdict, finding.explanation) == (WARNING, "server names were not fully checked")
        assert finding.servers == ("secret", "gone")


NAMED = "[settings]\naccount = 'ops@example.com'\n"


class TestAccount:
    def shown(self, text: str, service: ServiceFacts = SERVICE) -> tuple[Verdict, str, str]:
        (found,) = [each for each in findings(config(text), ACCESS, service) if each.check == "account"]
        return found.verdict, found.explanation, found.private

    def test_that_the_files_name(self) -> None:
        assert self.shown(NAMED) == (OK, "the one that the files name", "ops@example.com")

    def test_that_they_do_not_name_is_shown_with_what_to_write(self) -> None:
        (found,) = [each for each in findings(CONFIG, ACCESS, SERVICE) if each.check == "account"]

        assert (found.verdict, found.private) == (OK, "ops@example.com")
        assert "account = " in found.advice

    def test_of_another_is_an_error_and_the_servers_are_compared_all_the_same(self) -> None:
        theirs = NAMED.replace("ops", "dev")
        found = findings(config(theirs), ACCESS, SERVICE)

        explanation = "the token is for another one than the files name"
        assert self.shown(theirs) == (ERROR, explanation, "ops@example.com, not dev@example.com")
        assert [each.advice for each in found if each.check == "account"] == ["Use a token of the right account."]
        assert of(found, "declared servers") == [(OK, "all fit the account")]

    @pytest.mark.parametrize("answer", [REFUSED, b"<html>", b"{}", b'{"account": {"email": ""}}'])
    def test_that_the_service_does_not_name_is_an_error_where_it_should(self, answer: bytes | ApiError) -> None:
        service = replace(SERVICE, account=answer) if isinstance(answer, ApiError) else answered(account=answer)

        unknown = "the service does not say whose the token is"
        assert self.shown(NAMED, service) == (ERROR, unknown, "")
        assert self.shown("", service) == (OK, unknown, "")

    def test_is_not_in_a_bug_report(self) -> None:
        diagnosis = Diagnosis(findings=findings(config(NAMED), ACCESS, SERVICE), python="3.11", platform="Linux")

        assert "ops@" not in json.dumps(doctor_json(diagnosis).value)


class TestFleets:
    THREE = (WEB, Server(id=2, name="web-2"), Server(id=3, name="db"))
    FLEETS = "[fleets.web]\nmatch = 'web*'\n[fleets.rest]\nmatch = '*'\n"

    def test_are_shown_with_how_many_servers_each_chooses(self) -> None:
        service = replace(SERVICE, inventory=inventory(servers=self.THREE))
        (found,) = [each for each in findings(config(self.FLEETS), ACCESS, service) if each.check == "fleets"]

        assert (found.verdict, found.explanation) == (OK, "2 fleets with 3 servers")
        assert of(findings(config(self.FLEETS), ACCESS, service), "file") == [(WARNING, "valid, 0 series in 2 fleets")]
        assert found.private == "web 2 servers, rest 1 server"

    def test_without_a_server_are_pointed_out(self) -> None:
        assert of(findings(config(self.FLEETS), ACCESS, SERVICE), "fleets") == [
            (WARNING, "2 fleets with 1 server, 1 without any")
        ]

    def test_need_a_token_that_may_list_servers(self) -> None:
        service = replace(SERVICE, inventory=inventory(servers=None))

        assert of(findings(config(self.FLEETS), ACCESS, service), "fleets")[0][0] is ERROR

    def test_that_leave_a_server_undeclared_do_not_satisfy_all_servers(self) -> None:
        require = "[require]\nall_servers = true\n"
        service = replace(SERVICE, inventory=inventory(servers=self.THREE))

        found = findings(config(f"{require}[fleets.web]\nmatch = 'web*'"), ACCESS, service)
        assert of(found, "require") == [(ERROR, "1 server of the account is declared nowhere")]
        assert of(findings(config(f"{require}{self.FLEETS}"), ACCESS, service), "require") == []
