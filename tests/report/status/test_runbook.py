"""The runbook, and its commands as a shell runs them: against a server that only listens, and against the sandbox."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from support.build import NOW, WEB, backup, config, days, entry, hours, inventory
from support.command import READ_ONLY, TOKEN, bare_environment, sandbox
from support.loopback import Loopback

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve, select
from reconcile.insight.status import status
from reconcile.report.status.pages import runbook

HOSTILE = "`$(touch owned)`'\"; touch owned #\n```\n<script>alert(1)</script>\x1b[2J@everyone | [x](http://evil)"
ODD = Server(id="a/../'; touch owned; '$(touch owned)?#\n", name=HOSTILE)
FILES = config("servers.web = { id = 1, backups = [{ description = 'nightly' }] }")


def written(seen: Inventory, *, url: str | None = None, files: Config = FILES, targets: tuple[str, ...] = ()) -> str:
    desired = select(resolve(files, seen), seen, targets)
    return runbook(status(desired, replace(seen, base_url=url or seen.base_url), NOW))


def blocks(page: str) -> list[str]:
    return re.findall(r"^ *```sh\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)


def restores(page: str) -> list[str]:
    return [block for block in blocks(page) if "/restore/" in block]


def shell(block: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh"],
        input=block,
        cwd=folder,
        env={**bare_environment(folder), "VPS_API_TOKEN": TOKEN, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def response(status_line: str, body: str = "{}", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status_line}\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def sent(loopback: Loopback) -> list[tuple[str, dict[str, str], str]]:
    """Return what reached the server: each request line, the headers, and the body."""
    found = []
    for received in loopback.received:
        head, _, body = received.decode().partition("\r\n\r\n")
        line, *headers = head.split("\r\n")
        found.append((line, dict(header.split(": ", 1) for header in headers), body))
    return found


def test_each_server_has_the_newest_usable_backup_of_now_of_a_day_ago_and_of_a_week_ago() -> None:
    seen = inventory(
        backup(1, age=hours(3), status="failed"),
        backup(2, age=hours(5), backup_type="automatic", description="Automatic", expires_at=NOW + days(6)),
        backup(3, age=days(2)),
        backup(4, age=days(3)),
        backup(5, age=-days(1)),
        backup(6, age=days(12)),
        backup(7, age=days(20), size_mb=0),
    )

    page = written(seen)

    assert [json.loads(found) for found in re.findall(r"--data-raw '(.*)' \\", page)] == [
        {"backup_id": 2},
        {"backup_id": 3},
        {"backup_id": 6},
    ]
    assert (
        "**Newest backup**: `#2`, created 2026-03-10 07:00, `automatic`, 1.0 GiB, `Automatic`, expires 2026-03-16"
        in page
    )
    assert "**Newest before 2026-03-09 12:00**: `#3`" in page
    assert "**Newest before 2026-03-03 12:00**: `#6`" in page
    assert "will be lost: 5h when this page was written" in page
    assert "will be lost: 12d when this page was written" in page


def test_a_backup_that_is_the_newest_for_several_ages_is_shown_once() -> None:
    page = written(inventory(backup(1, age=days(2))))

    assert "**Newest backup and newest before 2026-03-09 12:00**: `#1`" in page
    assert "**Newest before 2026-03-03 12:00**: no usable backup." in page
    assert len(restores(page)) == 1


def test_servers_that_no_file_declares_are_on_the_page_and_with_a_target_only_the_selected_ones() -> None:
    lost = Server(id=9, name="forgotten")
    seen = inventory(backup(1), backup(2, server=lost, backup_type="automatic"), servers=(lost, WEB))

    assert re.findall(r"^## `(.*)` \(`(.*)`\)$", written(seen), re.MULTILINE) == [("forgotten", "9"), ("web", "1")]
    assert re.findall(r"^## `(.*)` \(", written(seen, targets=("web",)), re.MULTILINE) == ["web"]
    assert "Only servers that match: `web`" in written(seen, targets=("web",))


def test_a_server_without_a_usable_backup_says_so() -> None:
    page = written(inventory(backup(1, status="in_progress")))

    assert "no usable backup." in page
    assert restores(page) == []


def test_it_names_the_account_the_files_and_the_service() -> None:
    files = config("settings.account = 'ops@example.com'\n[servers.web]\nid = 1")
    page = written(replace(inventory(), account="ops@example.com"), files=files)

    assert "- Account: `ops@example.com`" in page
    assert "- Service: `https://vps.example/api/v1`" in page
    assert f"SHA-256 `{files.sources[0].sha256}`" in page
    assert "not named in the files (settings.account)" in written(inventory())


@pytest.mark.parametrize("id_", [501, "501", "5 GiB'\"; touch owned #$(touch owned)`touch owned`\\\n@file"])
def test_a_restore_reaches_the_service_once_with_exactly_the_id_of_the_backup_and_of_the_server(
    id_: int | str, tmp_path: Path
) -> None:
    server = Loopback(response("202 Accepted", '{"message": "Restore started."}'))
    seen = inventory(backup(id_, HOSTILE, server=ODD), servers=(ODD,))
    with server.serve() as port:
        (block,) = restores(written(seen, url=f"http://127.0.0.1:{port}/api/v1"))
        done = shell(block, tmp_path, http_proxy="http://127.0.0.1:9", all_proxy="http://127.0.0.1:9")

    ((line, headers, body),) = sent(server)
    path = "/api/v1/servers/a%2F..%2F%27%3B%20touch%20owned%3B%20%27%24%28touch%20owned%29%3F%23%0A/restore/"
    assert line == f"POST {path} HTTP/1.1"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"backup_id": id_}
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == '{"message": "Restore started."}\nStatus 202\n'
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_is_not_followed_whatever_the_users_curlrc_says(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".curlrc").write_text("location\nretry = 3\nretry-all-errors\n")
    elsewhere = Loopback(response("200 OK"))
    with elsewhere.serve() as other:
        moved = Loopback(response("307 Moved", headers=f"Location: http://127.0.0.1:{other}/api/v1/x/\r\n"))
        with moved.serve() as port:
            (block,) = restores(written(inventory(backup(1)), url=f"http://127.0.0.1:{port}/api/v1"))
            done = shell(block, tmp_path, HOME=str(home))

    assert len(moved.received) == 1
    assert elsewhere.received == []
    assert done.stdout.endswith("\nStatus 307\n")


@pytest.mark.parametrize("status_line", ["403 Forbidden", "500 Oops"])
def test_a_failure_is_sent_once_and_shown_with_what_the_service_says(status_line: str, tmp_path: Path) -> None:
    server = Loopback(response(status_line, '{"detail": "No."}'))
    with server.serve() as port:
        (block,) = restores(written(inventory(backup(1)), url=f"http://127.0.0.1:{port}/api/v1"))
        done = shell(block, tmp_path)

    assert len(server.received) == 1
    assert done.returncode == 22
    assert done.stdout == f'{{"detail": "No."}}\nStatus {status_line[:3]}\n'


def test_without_a_token_nothing_is_sent(tmp_path: Path) -> None:
    server = Loopback(response("202 Accepted"))
    with server.serve() as port:
        (block,) = restores(written(inventory(backup(1)), url=f"http://127.0.0.1:{port}/api/v1"))
        done = shell(block, tmp_path, VPS_API_TOKEN="")

    assert server.received == []
    assert done.returncode != 0
    assert "VPS_API_TOKEN" in done.stderr


def test_the_token_is_in_no_argument(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    stand_in = folder / "curl"
    stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\necho --\ncat\n')
    stand_in.chmod(0o755)

    (block,) = restores(written(inventory(backup(1))))
    done = shell(block, tmp_path, PATH=f"{folder}:/usr/bin:/bin")

    arguments, _, given = done.stdout.rpartition("--\n")
    assert TOKEN not in arguments
    assert given == f"Authorization: Bearer {TOKEN}\n"


def test_names_and_descriptions_are_text_and_change_neither_the_page_nor_a_command() -> None:
    seen = inventory(backup(1, HOSTILE, server=ODD), servers=(ODD,))
    tame = inventory(backup(1, "nightly", server=Server(id=ODD.id, name="web")), servers=(Server(id=ODD.id, name="x"),))

    page = written(seen)

    assert blocks(page) == blocks(written(tame))
    assert page.count("\n") == written(tame).count("\n")
    html = MarkdownIt().render(page)
    assert "<script" not in html
    assert "<a " not in html
    assert "\x1b" not in page


def test_shellcheck_finds_nothing_in_any_block() -> None:
    """Without SC2016, which asks whether the `$` of an id in single quotes was meant to expand: it was not."""
    seen = inventory(backup("o'clock $HOME", server=ODD), servers=(ODD,))
    for block in {*blocks(written(seen)), *blocks(written(seen, url="http://127.0.0.1:1/api/v1"))}:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("shellcheck")), "--shell=sh", "--exclude=SC2016", "-"],
            input=block,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == ""


def test_at_the_sandbox_every_command_does_what_it_says(tmp_path: Path) -> None:
    servers = [{"id": 1, "name": "web"}, {"id": 2, "name": "forgotten"}]
    held = [entry(501, "nightly", hours(3)), entry(502, "nightly", days(2)), entry(503, "nightly", days(9))]
    automatic = entry(504, HOSTILE, hours(1), server=servers[1], backup_type="automatic")
    with sandbox(tmp_path, seed={"servers": servers, "backups": [*held, automatic]}) as service:
        service.write("servers.web = { id = 1, backups = [{ description = 'nightly' }] }")
        done = service.run("status", "--runbook", "runbook.md")
        page = (tmp_path / "runbook.md").read_text(encoding="utf-8")
        ran = [shell(block, tmp_path) for block in blocks(page) if "curl" in block]
        (refused, *_) = (shell(block, tmp_path, VPS_API_TOKEN=READ_ONLY) for block in restores(page))

    assert (done.returncode, done.stderr) == (0, "Wrote runbook.md.\n")
    assert [each.stdout.rpartition("Status ")[2] for each in ran] == [
        *("200\n", "202\n", "200\n"),
        *("202\n", "202\n", "202\n", "200\n"),
    ]
    assert [each["name"] for each in json.loads(ran[0].stdout.splitlines()[0])["results"]] == ["web", "forgotten"]
    assert {each["id"] for each in json.loads(ran[-1].stdout.splitlines()[0])["results"]} == {501, 502, 503}
    assert refused.returncode == 22
    assert "You do not have permission" in refused.stdout
