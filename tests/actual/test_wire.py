"""What is taken from the service's JSON, and what is refused."""

import json
import math
from datetime import UTC, datetime

import pytest
from support.service import item

from reconcile.actual.inventory import Backup, Server, State
from reconcile.actual.wire import MalformedError, error_text, read_account, read_backup, read_backups, read_servers


def body(*entries: object, **changes: object) -> bytes:
    return json.dumps({"count": len(entries), "next": None, "results": entries, **changes}).encode()


def test_a_backup_is_read_whole() -> None:
    entry = item(501, status="in_progress", created_at="2025-01-14T12:30:00.5+02:00", expires_at="2025-02-14T10:30:00Z")

    (backup,) = read_backups(body(entry)).results

    assert backup == read_backup(json.dumps(entry).encode())
    assert backup == Backup(
        id=501,
        server_id=1,
        server_name="web",
        description="nightly",
        backup_type="manual",
        status="in_progress",
        size_mb=4456,
        created_at=datetime(2025, 1, 14, 10, 30, 0, 500_000, tzinfo=UTC),
        expires_at=datetime(2025, 2, 14, 10, 30, tzinfo=UTC),
    )
    assert backup.state is State.PENDING
    assert backup.created_at.tzinfo is UTC


def test_null_is_taken_where_the_service_may_send_it_and_unknown_fields_are_ignored() -> None:
    odd = item(
        size_mb=None,
        expires_at=None,
        description=None,
        backup_type=None,
        status=None,
        server={"id": "a-b", "name": None, "ip": "::1"},
        colour=["blue"],
    )

    (backup,) = read_backups(body(odd)).results

    assert (backup.size_mb, backup.expires_at, backup.description) == (None, None, None)
    assert (backup.backup_type, backup.status, backup.state) == ("", "", State.UNKNOWN)
    assert (backup.server_id, backup.server_name) == ("a-b", "")


def test_what_is_not_sent_is_as_null() -> None:
    sparse = {"id": 1, "server": {"id": 2}, "created_at": "2025-01-14T10:30:00Z"}

    (backup,) = read_backups(body(sparse)).results

    assert (backup.server_name, backup.description, backup.size_mb, backup.status) == ("", None, None, "")


def test_servers_are_read() -> None:
    entries = {"id": 1, "name": "web", "location": "us-west", "status": "active"}, {"id": "b-c", "name": None}

    assert read_servers(body(*entries)).results == [
        Server(id=1, name="web", location="us-west", status="active"),
        Server(id="b-c", name=""),
    ]


def test_a_location_in_a_form_that_is_not_documented_is_none_and_keeps_no_server_from_being_read() -> None:
    entries = {"id": 1, "name": "web", "location": {"id": 7}, "status": 3}, {"id": 2, "name": "db", "location": None}

    assert read_servers(body(*entries)).results == [Server(id=1, name="web"), Server(id=2, name="db")]


@pytest.mark.parametrize(
    ("answer", "email"),
    [
        (b'{"account": {"email": "ops@example.com", "id": 7}, "token": {}}', "ops@example.com"),
        (b'{"account": {"email": ""}}', None),
        (b'{"account": {"email": 7}}', None),
        (b'{"account": "ops@example.com"}', None),
        (b"[]", None),
        (b"<html>", None),
        (b"\xff", None),
    ],
)
def test_the_account_is_its_email_address(answer: bytes, email: str | None) -> None:
    assert read_account(answer) == email


@pytest.mark.parametrize("identifier", [0, -1, 2**63 - 1, "1", "a/b", ".a", "..a", "...", "a\nb", "\u2603", " "])
def test_ids_are_opaque(identifier: int | str) -> None:
    (backup,) = read_backups(body(item(identifier))).results

    assert (backup.id, type(backup.id)) == (identifier, type(identifier))


@pytest.mark.parametrize("size", [0, 1, 0.5, 4456.0, 2**62])
def test_sizes_are_whole_or_not(size: float) -> None:
    (backup,) = read_backups(body(item(size_mb=size))).results

    assert (backup.size_mb, type(backup.size_mb)) == (size, type(size))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("id", value) for value in (None, "", ".", "..", 1.5, 1.0, True, 2**63, -(2**63) - 1, [1])),
        *(("size_mb", value) for value in (-1, -0.5, 10**400, 2**70, math.nan, math.inf, -math.inf, True, "1")),
        *(
            ("created_at", value)
            for value in (
                None,
                1736850600,
                "1736850600",
                "",
                "2025-01-14",
                "2025-01-14T10:30:00",
                "0001-01-01T00:00:00+14:00",
                "1969-12-31T23:59:59Z",
                "9999-12-31T23:59:59-14:00",
                "yesterday",
            )
        ),
        ("expires_at", "2025-01-14T10:30:00"),
        ("expires_at", 0),
        ("description", 7),
        ("status", ["completed"]),
        ("backup_type", 1),
    ],
)
def test_a_malformed_field_refuses_the_list_and_names_the_backup(field: str, value: object) -> None:
    malformed = item(**{"id": 499, field: value})
    identifier = str(malformed["id"])[:50]

    with pytest.raises(MalformedError) as refused:
        read_backups(body(item(1), malformed))

    assert str(refused.value).startswith(f"results.1.{field} (id {identifier}): expected ")


@pytest.mark.parametrize(
    ("server", "place"),
    [
        (None, "server.id"),
        ({}, "server.id"),
        (7, "server.id"),
        ({"id": ".."}, "server.id"),
        ({"id": 1, "name": 7}, "server.name"),
    ],
)
def test_a_malformed_server_refuses_the_list(server: object, place: str) -> None:
    with pytest.raises(MalformedError, match=rf"^results\.0\.{place} \(id 1\): "):
        read_backups(body(item(server=server)))


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        (b"", "Invalid JSON"),
        (b'{"count": 1, "resu', "Invalid JSON"),
        (b"<html>Sign in</html>", "HTML instead of JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        (b'{"count": ' + b"9" * 5000 + b"}", "Invalid JSON"),
        (b"\xff", "Invalid JSON"),
        (b"[]", "Input should be"),
        (b'{"results": []}', "count: Field required"),
        (b'{"count": 0, "next": 7, "results": []}', "next: expected text, or null"),
        (b'{"count": -1, "results": []}', "count: "),
        (b'{"count": true, "results": []}', "count: "),
        (b'{"count": NaN, "results": []}', "count: "),
        (b'{"count": 1, "results": [null]}', "results.0: "),
        (b'{"count": 1, "results": {"0": 1}}', "results: "),
    ],
)
def test_what_is_no_list_is_refused(text: bytes, explanation: str) -> None:
    with pytest.raises(MalformedError) as refused:
        read_backups(text)

    assert str(refused.value).startswith(explanation)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ({"detail": "Not found."}, "Not found."),
        ({"server_id": ["A valid integer is required."]}, "server_id: A valid integer is required."),
        ({"a": ["One.", "Two."], "b": "Three."}, "a: One. Two.; b: Three."),
        ({"errors": {"server_id": [{"message": "Wrong."}]}}, "errors: Wrong."),
        ({"detail": 7}, ""),
        ({}, ""),
        (["No."], ""),
    ],
)
def test_the_text_of_an_error(problem: object, text: str) -> None:
    assert error_text(json.dumps(problem).encode()) == text


@pytest.mark.parametrize("text", [b"", b"<html>", b"\xff", b"[" * 100_000, b'{"detail": ' + b"9" * 5000 + b"}"])
def test_an_error_without_text(text: bytes) -> None:
    assert error_text(text) == ""
