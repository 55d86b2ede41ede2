"""Every command survives entries that are not as documented, and says which fields they are."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from anyio.abc import ByteStream
from support.build import entry
from support.command import Done, run
from support.loopback import Loopback

FILE = """
[settings]
prune = true

[servers.web]
id = 1
backups = [{ description = "nightly", keep = 1 }]
"""
GOOD = entry(1, "nightly", timedelta(days=1))
ODD = [
    {**entry(2, "nightly", timedelta(days=2)), "size_mb": "4000.00"},
    {**entry(3, "nightly", timedelta(days=3)), "size_mb": "4 GiB"},
    {**entry(4, "nightly", timedelta(days=4)), "created_at": None},
    {**entry(5, "nightly", timedelta(days=5)), "server": None},
    {**entry(6, "nightly", timedelta(days=6)), "id": None},
    {**entry(7, "nightly", timedelta(days=7)), "expires_at": "never"},
    {key: value for key, value in entry(8, "other", timedelta(days=8)).items() if key != "description"},
    {**entry(9, "nightly", timedelta(days=9)), "backup_type": None},
    None,
]
SERVERS = [{"id": 1, "name": "web", "location": 7}, {"name": "no id"}]


async def answer(stream: ByteStream) -> None:
    while True:
        path = (await stream.receive()).decode().split(" ")[1]
        listed: list[object] = [*SERVERS] if "/servers/" in path else [GOOD, *ODD]
        body = json.dumps({"count": len(listed), "next": None, "results": listed})
        date = format_datetime(datetime.now(UTC), usegmt=True)
        await stream.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nDate: {date}\r\n\r\n{body}".encode())


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    (tmp_path / "backups.toml").write_text(FILE)
    with Loopback(handle=answer).serve() as port:
        yield {"VPS_API_URL": f"http://127.0.0.1:{port}/api/v1", "VPS_API_TOKEN": "vps_unused_token"}


@pytest.mark.parametrize(
    "command", [["plan"], ["apply", "--auto-approve"], ["status"], ["list"], ["import"]], ids=lambda command: command[0]
)
def test_a_command_says_what_it_could_not_read(command: list[str], environment: dict[str, str], tmp_path: Path) -> None:
    done = run(*command, folder=tmp_path, **environment)

    assert done.returncode == 0, done.shown
    for field in (
        "size_mb of backup 3",
        "created_at of backup 4",
        "server.id of backup 5",
        "location of server 1",
        "backup_type of backup 9",
        "id of 2 backups",
    ):
        assert field in done.shown


def test_a_plan_deletes_nothing_where_an_odd_entry_may_belong(environment: dict[str, str], tmp_path: Path) -> None:
    done = run("plan", "--json", folder=tmp_path, **environment)

    assert json.loads(done.stdout)["reconcile"]["summary"] == {
        "create": 0,
        "delete": 0,
        "withheld": 0,
        "unchanged": 5,
        "unmanaged": 1,
    }


def test_a_list_shows_what_is_known(environment: dict[str, str], tmp_path: Path) -> None:
    done: Done = run("list", "--json", folder=tmp_path, **environment)

    backups = {backup["id"]: backup for server in json.loads(done.stdout)["servers"] for backup in server["backups"]}
    assert (backups[2]["size_mb"], backups[3]["size_mb"], backups[4]["created_at"]) == (4000, None, None)
    assert "unknown" in run("list", folder=tmp_path, **environment).stdout


def test_doctor_and_restore_go_on(environment: dict[str, str], tmp_path: Path) -> None:
    assert "Traceback" not in run("doctor", folder=tmp_path, **environment).shown

    restored = run("restore", "web", "--backup", "1", folder=tmp_path, **environment)
    assert "can't ask for approval without a terminal" in restored.stderr
    refused = run("restore", "web", "--backup", "4", "--auto-approve", folder=tmp_path, **environment)
    assert "can't be restored" in refused.stderr
