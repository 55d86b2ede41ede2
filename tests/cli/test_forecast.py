"""`forecast`: from an empty account without a network, from the real one, and beside another file."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.build import held
from support.command import Sandbox, run, sandbox

SEVEN = '[servers.web]\nid = 1\nbackups = [{ description = "nightly", every = "1d", keep = 7 }]\n'
THREE = SEVEN.replace("7", "3")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, seed=held("nightly", 5)) as world:
        world.write(SEVEN)
        yield world


def test_an_empty_account_needs_no_network_and_no_token(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text(SEVEN, encoding="utf-8")

    done = run("forecast", "--from-empty", "--size-mb", "1024", folder=tmp_path, VPS_API_URL="http://127.0.0.1:1/")

    assert (done.returncode, done.stderr) == (0, "")
    assert "  in a year     7 backups, 7.0 GiB\n" in done.stdout


def test_it_begins_with_the_real_account(world: Sandbox) -> None:
    done = world.run("forecast", "--json", "--days", "3")

    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["series"][0]["new_size_from"] == "series"
    assert [point["id"] for point in found["series"][0]["restore_points"]] == [5, 4, 3, 2, 1, None, None]


def test_two_files_are_compared(world: Sandbox) -> None:
    (world.folder / "old.toml").write_text(THREE, encoding="utf-8")

    text, markdown = (world.run("forecast", "--compare", "old.toml", *options) for options in ([], ["--markdown"]))

    assert "web/nightly: every 1d, keep last=3 → every 1d, keep last=7\n  in a year     3 → 7 (+4)" in text.stdout
    assert markdown.stdout.startswith("<!-- reconcile forecast -->\n")


def test_a_target_may_be_declared_only_after_the_change(world: Sandbox) -> None:
    (world.folder / "old.toml").write_text(
        SEVEN.replace("servers.web]", "servers.old]\nname = 'web'"), encoding="utf-8"
    )
    renamed = world.run("forecast", "--compare", "old.toml", "--target", "web/*")
    (world.folder / "old.toml").write_text("", encoding="utf-8")
    new = world.run("forecast", "--compare", "old.toml", "--target", "web/*")

    assert (renamed.returncode, "Nothing changes.\n" in renamed.stdout) == (0, True), renamed.shown
    assert "web/nightly: not declared → every 1d, keep last=7\n" in new.stdout, new.shown


def test_the_other_file_alone_may_name_the_account(world: Sandbox) -> None:
    old = world.folder / "old.toml"
    old.write_text(f'[settings]\naccount = "you@example.com"\n{THREE}', encoding="utf-8")

    ours = world.run("forecast", "--compare", "old.toml")
    old.write_text(f'[settings]\naccount = "them@example.com"\n{THREE}', encoding="utf-8")
    theirs = world.run("forecast", "--compare", "old.toml")

    assert (ours.returncode, ours.stderr) == (0, "")
    assert theirs.returncode == 1
    assert "the token belongs to 'you@example.com', but [settings] has account = 'them@example.com'" in theirs.stderr


def test_an_empty_path_is_not_no_comparison(world: Sandbox) -> None:
    assert world.run("forecast", "--compare", "").returncode == 1


def test_an_error_in_the_other_file_is_shown_with_its_place(world: Sandbox) -> None:
    (world.folder / "old.toml").write_text(SEVEN.replace("keep", "keeps"), encoding="utf-8")

    done = world.run("forecast", "--compare", "old.toml")

    assert done.returncode == 1
    assert 'unknown key "keeps"' in done.stderr
    assert "old.toml:3:" in done.stderr


def test_a_server_that_does_not_fit_is_left_out_with_an_error(world: Sandbox) -> None:
    world.write(SEVEN + '[servers.gone]\nid = 2\nbackups = [{ description = "x" }]\n')

    done = world.run("forecast", "--days", "9")

    assert done.returncode == 1
    assert "web/nightly" in done.stdout
    assert "the account has no server with the id 2" in done.stderr
    assert "backups.toml:5:" in done.stderr


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--json", "--markdown"], "--json or --markdown, not both"),
        (["--apply-every", "30s"], "more than 100,000 applies; choose fewer days, or a longer --apply-every"),
        (["--days", "0"], "0 is not in the range"),
        (["--apply-every", "1m"], "minutes or months?"),
        (["--target", "nothing"], "--target 'nothing' matches nothing"),
    ],
)
def test_wrong_usage_is_refused(options: list[str], problem: str, tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text(SEVEN, encoding="utf-8")

    done = run("forecast", "--from-empty", *options, folder=tmp_path)

    assert done.returncode == 1
    assert problem in done.stderr


def test_a_target_narrows_it(tmp_path: Path) -> None:
    two = 'backups = [{ description = "a" }, { description = "b" }]'
    (tmp_path / "backups.toml").write_text(f"[servers.web]\nid = 1\n{two}\n", encoding="utf-8")

    done = run("forecast", "--from-empty", "--target", "web/a", folder=tmp_path)

    assert "web/a" in done.stdout
    assert "web/b" not in done.stdout


def test_quiet_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text(SEVEN, encoding="utf-8")
    (tmp_path / "old.toml").write_text(THREE, encoding="utf-8")

    done = run("forecast", "--from-empty", "-q", "--size-mb", "1024", folder=tmp_path)
    compared = run("forecast", "--from-empty", "-q", "--compare", "old.toml", folder=tmp_path)

    assert len(done.stdout.splitlines()) == 1
    assert done.stdout.startswith("7 backups, 7.0 GiB on ")
    assert compared.stdout == "3 backups → 7 backups\n"


def test_a_page_is_written_beside_the_result(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text(SEVEN, encoding="utf-8")
    (tmp_path / "old.toml").write_text(THREE, encoding="utf-8")

    done = run("forecast", "--from-empty", "--html", "page.html", folder=tmp_path)
    compared = run("forecast", "--from-empty", "--html", "compared.html", "--compare", "old.toml", folder=tmp_path)

    assert (done.returncode, compared.returncode) == (0, 0)
    assert "in a year     7 backups" in done.stdout
    assert "7 backups" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "before the change" in (tmp_path / "compared.html").read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_is_an_error_beside_the_result(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text(SEVEN, encoding="utf-8")

    done = run("forecast", "--from-empty", "--html", "missing/page.html", folder=tmp_path)

    assert done.returncode == 1
    assert "missing/page.html can't be written" in done.stderr
    assert "in a year     7 backups" in done.stdout
