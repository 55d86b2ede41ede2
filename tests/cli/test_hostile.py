"""What the service and the file may hold never acts on a terminal, and the token never shows."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.command import COMMANDS, TOKEN, run, sandbox

NASTY = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "line\nbreak\r\tand tab",
    "[bold red]markup[/bold red] [link=https://evil.example]x[/link]",
    "\u202eright to left\u202c",
    "\x9b31m",
    "<script>alert(1)</script> | **bold** `code`",
    "é日本🐘",
    "x" * 10_000,
    "",
    None,
    "'quotes\" and \\backslashes\\",
]
SERVER = "7f9c24e8-3b12-4fef-91e0-3b9c6f1d2a55"
UNDECLARED = "b8a1f1de-0000-4000-8000-00000000000{:x}"


def seed() -> dict[str, Any]:
    now = datetime.now(UTC)
    server = {"id": SERVER, "name": "web"}
    backups = [
        {
            "id": UNDECLARED.format(number),
            "server": server,
            "backup_type": "manual",
            "status": "completed" if number else "\x1b[5mblinking",
            "size_mb": None if number % 2 else 4096.5,
            "created_at": (now - timedelta(days=number + 1)).isoformat(),
            "expires_at": None,
            "description": description,
            "unknown_field": {"nested": [1]},
        }
        for number, description in enumerate(NASTY)
    ]
    return {"servers": [server], "backups": backups}


def pruning(description: str) -> str:
    return f'[servers.web]\nid = "{SERVER}"\nprune = true\nbackups = [{{ description = "{description}" }}]\n'


def check_harmless(text: str) -> None:
    acting = {
        character
        for character in text
        if character != "\n" and unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Co", "Cs"}
    }
    assert not acting, acting


@pytest.mark.parametrize("options", [[], ["-v"], ["--json"]], ids=str)
def test_a_plan_of_hostile_descriptions_shows_them_and_is_not_moved(options: list[str], tmp_path: Path) -> None:
    with sandbox(tmp_path, seed=seed()) as service:
        service.write(pruning("a"))

        done = service.run("plan", *options)

        assert done.returncode == 0, done.stderr
        check_harmless(done.stdout + done.stderr)
        if options == ["--json"]:
            changes = [entry["change"] for entry in json.loads(done.stdout)["resource_changes"]]
            assert {change["before"]["description"] for change in changes if change["before"]} == set(NASTY[1:])
        elif options == ["-v"]:  # otherwise what is withheld is folded
            assert r"\x1b]0;title\x07" in done.stdout
            assert "[bold red]markup[/bold red]" in done.stdout
            assert "more characters" in done.stdout


@pytest.mark.parametrize("options", [[], ["--json"], ["web"]], ids=str)
def test_a_list_of_hostile_descriptions_shows_all_of_them(options: list[str], tmp_path: Path) -> None:
    with sandbox(tmp_path, seed=seed()) as service:
        done = service.run("list", *options)

    assert done.returncode == 0, done.stderr
    check_harmless(done.stdout + done.stderr)
    if options == ["--json"]:
        (server,) = json.loads(done.stdout)["servers"]
        assert {backup["description"] for backup in server["backups"]} == set(NASTY)
    else:
        assert r"\x1b]0;title\x07" in done.stdout
        assert "[bold red]markup[/bold red]" in done.stdout


def test_an_apply_over_string_ids_and_hostile_descriptions_does_what_it_says(tmp_path: Path) -> None:
    with sandbox(tmp_path, seed=seed()) as service:
        service.write(pruning("[red]a"))

        done = service.run("apply", "--auto-approve", "--allow-loss", "11")

        assert done.returncode == 0, done.stdout + done.stderr
        check_harmless(done.stdout + done.stderr)
        assert [(backup["description"], backup["status"]) for backup in service.backups()] == [
            ("[red]a", "completed"),
            (NASTY[0], "\x1b[5mblinking"),
        ]


def test_no_option_takes_a_token() -> None:
    options = {name for command in COMMANDS.values() for parameter in command.params for name in parameter.opts}

    assert "--token" not in options


def test_the_log_of_requests_has_no_token_in_it(tmp_path: Path) -> None:
    with sandbox(tmp_path) as service:
        service.write("[servers.web-server-01]\nid = 12345\n")

        logged = service.run("plan", "--debug").stderr

        assert "GET http://127.0.0.1" in logged
        assert TOKEN not in logged
        assert "Bearer" not in logged


def test_a_token_file_is_read_and_nothing_of_it_is_shown(tmp_path: Path) -> None:
    with sandbox(tmp_path) as service:
        service.write("[servers.web-server-01]\nid = 12345\n")
        (tmp_path / "token").write_text(TOKEN)

        done = run("plan", "--debug", "--token-file", "token", folder=tmp_path, VPS_API_URL=service.url)

        assert done.returncode == 0
        assert TOKEN not in done.stdout + done.stderr
