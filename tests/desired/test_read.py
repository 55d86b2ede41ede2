"""Which files are read, in which order, and what becomes of those that can't be."""

import io
import os
from pathlib import Path

import pytest

from reconcile.clock import Stop, StoppedError
from reconcile.desired.load import load
from reconcile.diagnostics import UserError


def write(folder: Path, **files: str) -> list[Path]:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return [folder / f"{name}.toml" for name in files]


def summaries(*paths: str | Path, stdin: bytes | None = None) -> list[str]:
    with pytest.raises(UserError) as invalid:
        load(paths, stdin=None if stdin is None else io.BytesIO(stdin))
    return [diagnostic.summary for diagnostic in invalid.value.diagnostics]


def test_a_folder_is_all_its_files_in_name_order(tmp_path: Path) -> None:
    write(
        tmp_path,
        b="[servers.b]\nid = 2\nbackups = [{ description = 'x', policy = 'p' }]",
        a="[servers.a]\nid = 1",
        c="[policies.p]\nkeep = 9",
    )
    (tmp_path / "notes.txt").write_text("not read")

    config = load([tmp_path])

    assert [server.key for server in config.servers] == ["a", "b"]
    assert [str(rule) for rule in config.servers[1].series[0].keep] == ["last=9"]


def test_hidden_files_in_a_folder_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, a="[servers.a]\nid = 1")
    (tmp_path / "._a.toml").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / ".#a.toml").symlink_to("someone@somewhere.1234")
    (tmp_path / ".toml").write_text("[")

    assert len(load([tmp_path]).servers) == 1


def test_the_same_file_named_twice_is_read_once(tmp_path: Path) -> None:
    (file,) = write(tmp_path, a="[servers.a]\nid = 1")

    assert len(load([file, tmp_path, file, os.path.relpath(file)]).servers) == 1


def test_standard_input_is_a_file_of_its_own(tmp_path: Path) -> None:
    (file,) = write(tmp_path, a="[servers.a]\nid = 1")

    config = load(["-", file, "-"], stdin=io.BytesIO(b"[servers.b]\nid = 2"))

    assert [(server.key, server.place.filename) for server in config.servers] == [("b", "<stdin>"), ("a", str(file))]
    with pytest.raises(UserError) as invalid:
        load(["-"], stdin=io.BytesIO(b"\nx = 1"))
    assert str(invalid.value.diagnostics[0].spot) == "<stdin>:2:1"


def test_a_file_may_be_called_like_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "-").write_text("[servers.a]\nid = 1")
    monkeypatch.chdir(tmp_path)

    assert load(["./-"]).servers[0].key == "a"


def test_an_empty_path_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a="[servers.a]\nid = 1")
    monkeypatch.chdir(tmp_path)

    assert summaries("", "a.toml") == ["-f '' names no file"]


def test_what_can_not_be_read_is_reported_with_everything_else(tmp_path: Path) -> None:
    files = write(tmp_path, a="x = 1", b="[broken", c="y = 2")
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "latin.toml").write_bytes(b"# one\n# \xff\n")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "deep.toml").write_text("a = " + "[" * 5000)

    assert summaries(*files, tmp_path / "missing.toml", empty, tmp_path) == [
        "invalid TOML: expected ']' at the end of a table declaration",
        f"{tmp_path}/missing.toml: no such file",
        f"{empty}: no *.toml in this folder",
        f"{tmp_path}/deep.toml: nested too deeply",
        f"{tmp_path}/folder.toml: Is a directory",
        f"{tmp_path}/latin.toml: not UTF-8 text, in line 2",
        'unknown key "x"',
        'unknown key "y"',
    ]


def test_an_interrupt_is_none_of_the_errors_in_the_files(tmp_path: Path) -> None:
    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise StoppedError(Stop.INTERRUPTED, f"reading {size}")

    with pytest.raises(StoppedError):
        load([tmp_path / "missing.toml", "-"], stdin=Interrupted())


def test_a_policy_may_be_in_the_file_that_can_not_be_read(tmp_path: Path) -> None:
    files = write(tmp_path, a="[servers.a]\nid = 1\nbackups = [{ description = 'x', policy = 'p' }]", b="[policies.p")

    assert summaries(*files) == ["invalid TOML: expected ']' at the end of a table declaration"]


def test_a_file_without_end_is_refused() -> None:
    assert summaries("/dev/zero") == ["/dev/zero: larger than 32 MiB"]


def test_only_the_end_of_a_line_may_have_a_carriage_return() -> None:
    assert "invalid TOML" in summaries("-", stdin=b"[servers.a]\rid = 1")[0]


def test_a_byte_order_mark_and_windows_line_ends_are_accepted() -> None:
    config = load(["-"], stdin=io.BytesIO(b"\xef\xbb\xbf[servers.a]\r\nid = 1\r\n"))

    assert config.servers[0].id == 1
    assert config.sources[0].text == "\ufeff[servers.a]\r\nid = 1\r\n"
