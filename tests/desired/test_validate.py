"""`reconcile validate`: what it prints, and its exit code."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from reconcile.cli.main import run

BROKEN = '[servers.web]\nid = 1\nevry = "1d"\nprune = "7m"\n'
SERIES = "[servers.web]\nid = 1\nbackups = [{ description = 'nightly' }]\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "backups.toml"


def validate_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = run(["validate", "--json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_a_valid_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(SERIES)

    assert run(["validate"]) == 0
    assert capsys.readouterr() == ("Valid: 1 series on 1 server.\n", "")
    assert validate_json(capsys) == (
        0,
        {"format_version": "1.0", "valid": True, "error_count": 0, "warning_count": 0, "diagnostics": []},
    )


def test_fleets_are_counted_beside_the_servers(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(
        f"{SERIES}\n[fleets.all]\nmatch = '*'\nbackups = [{{ description = 'x' }}, {{ description = 'y' }}]"
    )

    assert run(["validate"]) == 0
    assert capsys.readouterr() == ("Valid: 1 series on 1 server, 2 series in 1 fleet.\n", "")
    file.write_text("[fleets.all]\nmatch = '*'\nbackups = [{ description = 'x' }]")
    assert run(["validate"]) == 0
    assert capsys.readouterr().out == "Valid: 1 series in 1 fleet.\n"


def test_mistakes_are_shown_where_they_are(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BROKEN)

    assert run(["validate"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        'error: unknown key "evry"',
        " --> backups.toml:3:1",
        '3 | evry = "1d"',
        "  | ^^^^",
        "  Valid keys: id, name, prune, pinned, ignore, pause, backups.",
        "error: prune: minutes or months? write min or mo: 7min or 7mo",
        " --> backups.toml:4:9",
        '4 | prune = "7m"',
        "  |         ^^^^",
        "2 errors",
    ]


def test_json_is_terraforms(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BROKEN)

    code, answer = validate_json(capsys)

    assert (code, answer["valid"], answer["error_count"]) == (1, False, 2)
    assert answer["diagnostics"][0]["range"] == {
        "filename": "backups.toml",
        "start": {"line": 3, "column": 1, "byte": 21},
        "end": {"line": 3, "column": 5, "byte": 25},
    }
    assert answer["diagnostics"][0]["snippet"]["code"] == 'evry = "1d"'


def test_a_file_full_of_escapes_acts_on_no_terminal(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text('"\\u001b[31m" = 1\n[servers."\\u202ex"]\nid = ""\n', encoding="utf-8")

    assert run(["validate"]) == 1
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_warning_is_no_error(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("[servers.web]\nid = 1\n")

    assert run(["validate"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "Valid: 0 series on 1 server.\n"
    assert shown.err.startswith("warning: no series is declared\n --> backups.toml:1:2\n")
    code, answer = validate_json(capsys)
    assert (code, answer["valid"], answer["error_count"], answer["warning_count"]) == (0, True, 0, 1)
    assert [diagnostic["severity"] for diagnostic in answer["diagnostics"]] == ["warning"]


@pytest.mark.parametrize("first", ["[web]\r\n", "\ufeff[web]\r\n"])
def test_bytes_count_carriage_returns_and_a_byte_order_mark(
    first: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = f"{first}[wrong]\r\n".encode()
    file.write_bytes(content)

    code, answer = validate_json(capsys)

    start = answer["diagnostics"][1]["range"]["start"]
    assert (code, start["line"], start["column"]) == (1, 2, 2)
    assert content[start["byte"] :].startswith(b"wrong]")


def test_a_file_on_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x = 1")))

    _, answer = validate_json(capsys, "-f", "-")

    assert answer["diagnostics"][0]["range"]["filename"] == "<stdin>"


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["backups.toml"], "-f backups.toml"),
        (["-f", ""], "-f '' names no file"),
        (["--file="], "-f '' names no file"),
    ],
)
def test_wrong_usage_is_answered_with_the_right_one(
    arguments: list[str], advice: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(SERIES)

    assert run(["validate", *arguments]) == 1
    assert advice in capsys.readouterr().err
