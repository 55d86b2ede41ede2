"""The sandbox serves the documented API (api.md), seen with a plain HTTP client."""

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from support.command import COMMAND, READ_ONLY, TOKEN, Sandbox, bare_environment, run, sandbox

from reconcile.sandbox.account import generated, sample


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, backup_seconds=0.3, page_size=2) as served:
        yield served


def client(service: Sandbox, token: str = TOKEN) -> httpx.Client:
    return httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {token}"})


def test_it_starts_with_the_documentations_sample(service: Sandbox) -> None:
    with client(service) as api:
        first = api.get("/backups/").json()
        second = api.get(first["next"]).json()
        servers = api.get("/servers/").json()

    assert (first["count"], [backup["id"] for backup in first["results"]]) == (3, [501, 499])
    assert first["previous"] is None
    assert first["next"].startswith(service.url)
    assert ([backup["id"] for backup in second["results"]], second["next"]) == ([495], None)
    assert second["previous"].startswith(service.url)
    assert [server["name"] for server in servers["results"]] == ["web-server-01", "db-server-01"]
    newest, *_ = first["results"]
    age = datetime.now(UTC) - datetime.fromisoformat(newest["created_at"])
    assert timedelta(0) < age < timedelta(days=2), "it is of yesterday"
    assert datetime.fromisoformat(newest["expires_at"]) - datetime.fromisoformat(newest["created_at"]) == timedelta(
        days=31
    )


def test_filters(service: Sandbox) -> None:
    with client(service) as api:
        assert api.get("/backups/", params={"backup_type": "manual"}).json()["count"] == 1
        assert api.get("/backups/", params={"server_id": 12346}).json()["count"] == 0
        assert api.get("/backups/", params={"server_id": "x"}).json() == {"server_id": ["Enter a number."]}
        assert api.get("/backups/", params={"backup_type": "x"}).status_code == 400
        assert api.get("/backups/", params={"page": 9}).json() == {"detail": "Invalid page."}
        assert api.get("/servers/", params={"location": "us-east"}).json()["count"] == 1


def test_a_backup_is_completed_after_a_while(service: Sandbox) -> None:
    with client(service) as api:
        made = api.post("/backups/", json={"server_id": 12345, "description": "Pre-deployment backup"})
        assert made.status_code == 201
        assert (made.json()["id"], made.json()["status"], made.json()["size_mb"]) == (502, "in_progress", None)
        assert "several minutes" in made.json()["message"]
        time.sleep(0.4)
        done = api.get("/backups/").json()["results"][0]
        assert (done["id"], done["status"]) == (502, "completed")
        assert done["size_mb"] > 0
        assert api.delete("/backups/502/").status_code == 204
        assert api.delete("/backups/502/").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "token", "status", "answer"),
    [
        ("GET", "/backups/", None, "vps_wrong", 401, {"detail": "Invalid token."}),
        ("GET", "/backups/", None, "", 401, {"detail": "Authentication credentials were not provided."}),
        ("POST", "/backups/", {}, READ_ONLY, 403, {"detail": "You do not have permission to perform this action."}),
        ("POST", "/backups/", {}, TOKEN, 400, {"server_id": ["This field is required."]}),
        ("POST", "/backups/", {"server_id": "x"}, TOKEN, 400, {"server_id": ["A valid integer is required."]}),
        ("POST", "/backups/", {"server_id": 1}, TOKEN, 404, {"detail": "Server not found."}),
        ("POST", "/backups/", [], TOKEN, 400, {"non_field_errors": ["Invalid data. Expected a dictionary."]}),
        ("DELETE", "/backups/9/", None, TOKEN, 404, {"detail": "Backup not found."}),
        ("GET", "/nothing/", None, TOKEN, 404, {"detail": "Not found."}),
        ("POST", "/servers/12345/restore/", {"backup_id": 501}, TOKEN, 202, {"message": "Restore started."}),
        ("POST", "/servers/12345/restore/", {"backup_id": 9}, TOKEN, 404, {"detail": "Backup not found."}),
        ("POST", "/servers/12346/restore/", {"backup_id": 501}, TOKEN, 400, None),
    ],
)
def test_answers(
    service: Sandbox, method: str, path: str, body: object, token: str, status: int, answer: object
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    answered = httpx.request(method, service.url + path, json=body, headers=headers)

    assert answered.status_code == status
    assert answer is None or answered.json() == answer


def test_who_am_i(service: Sandbox) -> None:
    with client(service, READ_ONLY) as api:
        me = api.get("/account/me/").json()

    assert me["token"] == {"name": "readonly", "permissions": ["servers:read", "backups:read", "account:read"]}


def test_a_rate_limit_answers_429_with_retry_after(tmp_path: Path) -> None:
    with sandbox(tmp_path, rate_limit=2) as service, client(service) as api:
        assert [api.get("/servers/").status_code for _ in range(3)] == [200, 200, 429]
        assert 1 <= int(api.get("/servers/").headers["Retry-After"]) <= 61


def test_latency_goes_before_every_answer(tmp_path: Path) -> None:
    with sandbox(tmp_path, latency=0.2) as service, client(service) as api:
        assert api.get("/servers/").elapsed.total_seconds() >= 0.2


def test_failures_are_failures(tmp_path: Path) -> None:
    with sandbox(tmp_path, fails=True) as service, client(service) as api:
        api.post("/backups/", json={"server_id": 12345})
        made = api.get("/backups/").json()["results"][0]

    assert (made["status"], made["size_mb"], made["description"]) == ("failed", None, "")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"servers": [{}], "backups": []}', "{"])
def test_a_seed_that_is_not_valid_is_one_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "seed.json").write_text(text)

    done = run("sandbox", "--port", "0", "--seed", "seed.json", folder=tmp_path)

    assert done.returncode == 1
    assert "--seed seed.json" in done.stderr


def test_a_port_that_is_taken_is_one_error(service: Sandbox) -> None:
    port = httpx.URL(service.url).port

    done = service.run("sandbox", "--port", str(port))

    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_the_sample_is_the_documentations() -> None:
    _, backups = sample(datetime(2025, 1, 17, tzinfo=UTC))

    assert '"created_at": "2025-01-14T10:30:00Z"' in json.dumps(backups)


def test_it_serves_an_account_for_each_name_to_the_token_that_it_prints(tmp_path: Path) -> None:
    command = [*COMMAND, "sandbox", "--port", "0", "--account", "acme", "--account", "big-co", "--servers", "4"]
    with subprocess.Popen(command, env=bare_environment(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        printed = dict(process.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(3))
        try:
            url = printed.pop("VPS_API_URL")
            held = {}
            for name, token in printed.items():
                headers = {"Authorization": f"Bearer {token}"}
                email = httpx.get(f"{url}/account/me/", headers=headers).json()["account"]["email"]
                body = {"server_id": 20001, "description": name}
                assert httpx.post(f"{url}/backups/", headers=headers, json=body).status_code == 201
                held[email] = httpx.get(f"{url}/backups/", headers=headers).json()["count"]
            unknown = httpx.get(f"{url}/backups/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code
        finally:
            process.terminate()

    assert sorted(printed) == ["VPS_API_TOKEN_ACME", "VPS_API_TOKEN_BIG_CO"]
    assert held == {"ops@acme.example": 4 * 14 + 1, "ops@big-co.example": 4 * 14 + 1}
    assert unknown == 401


def test_a_generated_account_can_be_imported_and_its_gaps_are_seen(tmp_path: Path) -> None:
    servers, backups = generated(6, datetime.now(UTC), dated=True, gaps=True)
    with sandbox(tmp_path, seed={"servers": servers, "backups": backups}) as service:
        imported = service.run("import", "--out", "backups.toml")
        planned = service.run("plan")
        status = service.run("status")

    assert imported.returncode == 0, imported.stderr
    assert "renamed_from = " in (tmp_path / "backups.toml").read_text()
    assert "\nNo changes. The account matches the files: 78 backups unchanged" in planned.stdout, planned.shown
    assert "6 of 6 series healthy" in status.stdout


@pytest.mark.parametrize(
    "options",
    [["--gaps"], ["--dated-names"], ["--servers", "2", "--seed", "x.json"], ["--account", "A B"], ["--servers", "0"]],
)
def test_options_that_do_not_fit_are_wrong_usage(options: list[str], tmp_path: Path) -> None:
    done = run("sandbox", "--port", "0", *options, folder=tmp_path)

    assert done.returncode == 1
    assert "See reconcile sandbox --help" in done.stderr
