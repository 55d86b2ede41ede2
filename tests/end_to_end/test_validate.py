"""`validate` and `schema`, with the installed command."""

import json
from pathlib import Path

import jsonschema
from support.command import run

BROKEN = '[servers.web]\nid = 1\nevry = "1d"\nprune = "7m"\n'


def test_a_valid_file(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text("[servers.web]\nid = 1\n")

    done = run("validate", folder=tmp_path)

    assert (done.returncode, done.stdout) == (0, "Valid: 0 series on 1 server.\n")
    assert json.loads(run("validate", "--json", folder=tmp_path).stdout) == {
        "format_version": "1.0",
        "valid": True,
        "error_count": 0,
        "warning_count": 0,
        "diagnostics": [],
    }


def test_mistakes_are_shown_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text(BROKEN)

    done = run("validate", folder=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        'error: unknown key "evry"',
        " --> backups.toml:3:1",
        '3 | evry = "1d"',
        "  | ^^^^",
        "  Known here: id, name, prune, pinned, backups.",
        "error: prune: minutes or months? write min or mo: 7min or 7mo",
        " --> backups.toml:4:9",
        '4 | prune = "7m"',
        "  |         ^^^^",
        "2 errors",
    ]


def test_json_is_terraforms(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text(BROKEN)

    done = run("validate", "--json", folder=tmp_path)

    assert (done.returncode, done.stderr) == (1, "")
    said = json.loads(done.stdout)
    assert (said["valid"], said["error_count"]) == (False, 2)
    assert said["diagnostics"][0]["range"] == {
        "filename": "backups.toml",
        "start": {"line": 3, "column": 1, "byte": 21},
        "end": {"line": 3, "column": 5, "byte": 25},
    }
    assert said["diagnostics"][0]["snippet"]["code"] == 'evry = "1d"'


def test_a_file_full_of_escapes_acts_on_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text('"\\u001b[31m" = 1\n[servers."\\u202ex"]\nid = ""\n', encoding="utf-8")

    done = run("validate", folder=tmp_path)

    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr


def test_the_schema_is_one_and_agrees_with_the_reader(tmp_path: Path) -> None:
    schema = json.loads(run("schema", folder=tmp_path).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)

    def table(**series: object) -> object:
        return {"servers": {"web": {"id": 1, "backups": [{"description": "x", **series}]}}}

    for good in (
        table(),
        table(keep=7),
        table(keep="all"),
        table(keep={"daily": 7, "within": "1y"}),
        table(every="1d"),
    ):
        check.validate(good)
    for bad in (
        table(keep=0),
        table(keep="most"),
        table(keep={"dayly": 1}),
        table(every="1m"),
        table(evry="1d"),
        {"x": 1},
    ):
        assert list(check.iter_errors(bad)), bad
