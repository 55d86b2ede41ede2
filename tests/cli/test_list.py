"""`list`: needs no file, and asks for no more than is wanted."""

import json

import httpx
import pytest
from support.killer import Killer
from support.schedules import AUTOMATIC, OLD


@pytest.fixture
def service(odd_service: Killer) -> Killer:
    (odd_service.folder / "backups.toml").unlink()
    return odd_service


@pytest.fixture
def queries(service: Killer) -> list[str]:
    """What is asked for with each list of backups."""
    asked: list[str] = []

    def note(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if request.url.path.endswith("/backups/"):
            asked.append(str(httpx.QueryParams(request.url.params).remove("page_size")))
        return answer

    service.answer_instead = note
    return asked


def ids(service: Killer, *arguments: str) -> dict[str, list[int]]:
    done = service.run("list", "--json", *arguments)

    assert done.returncode == 0, done.stderr
    servers = json.loads(done.stdout)["servers"]
    return {server["name"]: [backup["id"] for backup in server["backups"]] for server in servers}


def test_all_of_the_account_in_text(service: Killer) -> None:
    done = service.run("list")

    assert (done.returncode, done.stderr) == (0, "")
    assert [
        line.partition(" (")[0] for line in done.stdout.splitlines() if line.startswith(("db", "other", "web"))
    ] == [
        "db",
        "other",
        "web",
    ]
    assert f"#{AUTOMATIC}" in done.stdout
    assert done.stdout.splitlines()[-2].endswith("on 3 servers.")


@pytest.mark.parametrize("wanted", ["2", "db"])
def test_one_server_is_asked_for_alone(wanted: str, service: Killer, queries: list[str]) -> None:
    found = ids(service, wanted)

    assert list(found) == ["db"]
    assert {OLD, AUTOMATIC} <= set(found["db"])
    assert queries == ["server_id=2"]


def test_several_servers_are_each_listed_once(service: Killer, queries: list[str]) -> None:
    assert list(ids(service, "web", "db", "1")) == ["db", "web"]
    assert queries == [""]


def test_one_type(service: Killer, queries: list[str]) -> None:
    manual, automatic = ids(service, "--type", "manual"), ids(service, "--type", "automatic")

    assert AUTOMATIC not in manual["db"]
    assert automatic == {"db": [AUTOMATIC], "other": [], "web": []}
    assert queries == ["backup_type=manual", ""]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "the account has no server 'nobody'"),
        (["web", "nobody"], "the account has no server 'nobody'"),
        ([""], "the account has no server ''"),
        (["--type", "daily"], "'daily' is not one of 'manual', 'automatic'"),
    ],
)
def test_refused(arguments: list[str], message: str, service: Killer) -> None:
    done = service.run("list", *arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr


def test_a_name_of_two_servers_is_refused_with_their_ids(service: Killer) -> None:
    service.world.servers[2]["name"] = "web"

    done = service.run("list", "web", "--json")

    (diagnostic,) = json.loads(done.stdout)["diagnostics"]
    assert done.returncode == 1
    assert (diagnostic["summary"], diagnostic["detail"]) == ("2 servers match 'web'", "Use an id: 1, 3.")


def test_a_server_is_found_by_its_backups_where_servers_cannot_be_listed(service: Killer) -> None:
    def forbid(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        return httpx.Response(403) if request.url.path.endswith("/servers/") else answer

    service.answer_instead = forbid

    assert list(ids(service, "db")) == ["db"]
