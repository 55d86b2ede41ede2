"""What is taken from the service's JSON, and what is refused."""

import json
import math
from datetime import UTC, datetime

import pytest
from support.build import NOW
from support.service import item

from reconcile.actual.inventory import Backup, OddEntry, Server, State
from reconcile.actual.wire import MalformedError, error_text, read_account, read_backup, read_backups, read_servers


def body(*entries: object, **changes: object) -> bytes:
    return json.dumps({"count": len(entries), "next": None, "results": entries, **changes}).encode()


def backups(*entries: object) -> list[Backup]:
    return [entry for entry in read_backups(body(*entries), NOW).results if isinstance(entry, Backup)]


def test_a_backup_is_read_whole() -> None:
    entry = item(501, status="in_progress", created_at="2025-01-14T12:30:00.5+02:00", expires_at="2025-02-14T10:30:00Z")

    (backup,) = backups(entry)

    assert backup == read_backup(json.dumps(entry).encode(), NOW)
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
        status=None,
        server={"id": "a-b", "name": None, "ip": "::1"},
        colour=["blue"],
    )

    (backup,) = backups(odd)

    assert (backup.size_mb, backup.expires_at, backup.description) == (None, None, None)
    assert (backup.status, backup.state, backup.unreadable) == ("", State.UNKNOWN, ())
    assert (backup.server_id, backup.server_name) == ("a-b", "")


def test_what_is_not_sent_is_as_null_but_for_the_description_and_the_type() -> None:
    needed = {"id": 1, "server": {"id": 2}, "created_at": "2025-01-14T10:30:00Z", "description": "nightly"}

    (backup,) = backups({**needed, "backup_type": "manual"})

    assert (backup.server_name, backup.size_mb, backup.status, backup.unreadable) == ("", None, "", ())


def test_servers_are_read() -> None:
    entries = {"id": 1, "name": "web", "location": "us-west", "status": "active"}, {"id": "b-c", "name": None}

    assert read_servers(body(*entries), NOW).results == [
        Server(id=1, name="web", location="us-west", status="active"),
        Server(id="b-c", name=""),
    ]


def test_fields_of_a_server_in_another_form_are_not_known_and_keep_no_server_from_being_read() -> None:
    entries = {"id": 1, "name": "web", "location": {"id": 7}, "status": 3}, {"id": 2, "name": 7, "location": None}

    assert read_servers(body(*entries), NOW).results == [
        Server(id=1, name="web", unreadable=("location", "status")),
        Server(id=2, name="", unreadable=("name",)),
    ]


def test_a_server_inside_another_object_is_no_server() -> None:
    (odd,) = read_servers(body({"server": {"uuid": "b-c", "name": "web"}}), NOW).results

    assert isinstance(odd, OddEntry)
    assert (odd.kind, odd.id, odd.unreadable, odd.server_id) == ("server", None, ("id",), None)


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
    (backup,) = backups(item(identifier))

    assert (backup.id, type(backup.id)) == (identifier, type(identifier))


@pytest.mark.parametrize("size", [0, 1, 0.5, 4456.0, 2**62])
def test_sizes_are_whole_or_not(size: float) -> None:
    (backup,) = backups(item(size_mb=size))

    assert (backup.size_mb, type(backup.size_mb)) == (size, type(size))


@pytest.mark.parametrize("text", ["4000.00", "4000", " 4e3 "])
def test_a_size_may_be_written_as_text(text: str) -> None:
    (backup,) = backups(item(size_mb=text))

    assert (backup.size_mb, backup.unreadable) == (4000, ())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("size_mb", value) for value in (-1, -0.5, 10**400, 2**70, math.nan, math.inf, True, "", "4 GB", "nan", [1])),
        ("expires_at", "2025-01-14T10:30:00"),
        ("expires_at", 0),
        ("status", ["completed"]),
    ],
)
def test_a_field_in_another_form_is_not_known_and_keeps_no_backup_from_being_read(field: str, value: object) -> None:
    good, odd = backups(item(1), item(499, **{field: value}))

    assert good.unreadable == ()
    assert (odd.id, odd.unreadable, odd.is_identified) == (499, (field,), True)
    assert not getattr(odd, field)


@pytest.mark.parametrize("kind", [None, "", 1, ["manual"]])
def test_a_type_in_another_form_is_unknown(kind: object) -> None:
    (odd,) = backups(item(499, backup_type=kind))

    assert (odd.backup_type, odd.unreadable, odd.is_identified) == ("unknown", ("backup_type",), True)


@pytest.mark.parametrize(
    "time",
    [
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
    ],
)
def test_a_backup_whose_time_is_not_readable_is_of_unknown_state_and_dated_now(time: object) -> None:
    (backup,) = backups(item(created_at=time))

    assert (backup.state, backup.unreadable) == (State.UNKNOWN, ("created_at",))
    assert backup.created_at == NOW


def test_null_is_a_description_and_an_absent_key_is_not_known() -> None:
    absent = item(2)
    del absent["description"]

    null, unclear, number = backups(item(1, description=None), absent, item(3, description=7))

    assert (null.description, null.state, null.is_identified) == (None, State.USABLE, True)
    for backup in (unclear, number):
        assert (backup.description, backup.state, backup.unreadable) == (None, State.UNKNOWN, ("description",))


def test_several_fields_of_one_backup_may_not_be_readable() -> None:
    (backup,) = backups(item(server={"id": 1, "name": 7}, size_mb="?", created_at=0, status=1))

    assert set(backup.unreadable) == {"server.name", "size_mb", "created_at", "status"}
    assert (backup.server_id, backup.server_name, backup.size_mb, backup.status) == (1, "", None, "")


@pytest.mark.parametrize("identifier", [None, "", ".", "..", 1.5, 1.0, True, 2**63, -(2**63) - 1, [1], "7" * 256])
def test_an_entry_without_an_id_counts_and_is_no_backup(identifier: object) -> None:
    page = read_backups(body(item(1), item(identifier)), NOW)

    good, odd = page.results
    assert page.count == 2
    assert isinstance(good, Backup)
    assert isinstance(odd, OddEntry)
    assert (odd.kind, odd.id, odd.unreadable) == ("backup", None, ("id",))


@pytest.mark.parametrize("entry", [None, 7, "x", [], {}])
def test_an_entry_that_is_no_object_counts_and_is_no_backup(entry: object) -> None:
    _, odd = read_backups(body(item(1), entry), NOW).results

    assert isinstance(odd, OddEntry)
    assert odd.id is None


@pytest.mark.parametrize("server", [None, {}, 7, {"id": ".."}, {"name": "web"}])
def test_an_entry_without_a_server_counts_and_is_no_backup(server: object) -> None:
    (odd,) = read_backups(body(item(499, server=server)), NOW).results

    assert isinstance(odd, OddEntry)
    assert (odd.id, odd.unreadable) == (499, ("server.id",))


@pytest.mark.parametrize("field", ["id", "description", "status", "expires_at", "backup_type"])
def test_a_text_that_is_not_unicode_is_not_readable_and_the_others_are_read(field: str) -> None:
    good, odd = read_backups(body(item(1), {**item(2), field: "half \ud83d"}), NOW).results

    assert isinstance(good, Backup)
    assert odd.unreadable == (field,)
    stray = body(item(1), {**item(2), field: "STRAY"}).replace(b"STRAY", b"\xff")
    assert read_backups(stray, NOW).results[1].unreadable == (field,)


@pytest.mark.parametrize(
    "changes",
    [{"id": None}, {"server": None}, {"created_at": None}, {"description": 7}],
    ids=str,
)
def test_a_response_to_a_create_says_which_backup_it_is(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError, match=r"^not readable: "):
        read_backup(json.dumps(item(**changes)).encode(), NOW)


@pytest.mark.parametrize("text", [b"", b"<html>", b"[]", b"null", b"{}"])
def test_a_response_to_a_create_is_a_backup(text: bytes) -> None:
    with pytest.raises(MalformedError, match="not readable: id"):
        read_backup(text, NOW)


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        (b"", "Invalid JSON"),
        (b'{"count": 1, "resu', "Invalid JSON"),
        (b"<html>Sign in</html>", "HTML instead of JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        (b'{"count": ' + b"9" * 5000 + b"}", "Invalid JSON"),
        (b"\xff", "Invalid JSON"),
        (b"[]", "JSON that is not an object"),
        (b'{"results": []}', "count: Field required"),
        (b'{"count": 0, "next": 7, "results": []}', "next: Input should be a valid string"),
        (b'{"count": -1, "results": []}', "count: "),
        (b'{"count": true, "results": []}', "count: "),
        (b'{"count": NaN, "results": []}', "count: "),
        (b'{"count": 1, "results": {"0": 1}}', "results: "),
        pytest.param(
            b'{"count": 1, "results": [' + b"0," * 250_000 + b"0]}",
            "results: List should have at most 250000 items",
            id="far too many entries",
        ),
    ],
)
def test_what_is_no_list_is_refused(text: bytes, explanation: str) -> None:
    with pytest.raises(MalformedError) as refused:
        read_backups(text, NOW)

    assert str(refused.value).startswith(explanation)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ({"detail": "Not found."}, "Not found."),
        ({"server_id": ["A valid integer is required."]}, "server_id: A valid integer is required."),
        ({"a": ["One.", "Two."], "b": "Three."}, "a: One. Two.; b: Three."),
        ({"errors": {"server_id": [{"message": "Wrong."}]}}, "errors: Wrong."),
        ({"detail": ["No.", "Never."]}, "No. Never."),
        ({"detail": {"message": "No.", "code": 7}}, "No."),
        ({"detail": None, "server_id": ["No."]}, "server_id: No."),
        (["No.", ["Never."]], "No. Never."),
        ("No.", "No."),
        ({"detail": 7}, ""),
        ({}, ""),
    ],
)
def test_the_text_of_an_error(problem: object, text: str) -> None:
    assert error_text(json.dumps(problem).encode()) == text


@pytest.mark.parametrize("text", [b"", b"<html>", b"\xff", b"[" * 100_000, b'{"detail": ' + b"9" * 5000 + b"}"])
def test_an_error_without_text(text: bytes) -> None:
    assert error_text(text) == ""
