"""The files that commands write and read: links, devices and FIFOs, modes, and nothing left behind."""

import os
import resource
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.command import FILE, Done, Sandbox, run

WRITERS: list[list[str]] = [
    ["plan", "--out"],
    ["plan", "--gitlab-report"],
    ["status", "--metrics"],
    ["import", "--out"],
]
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - what is written there is the point
OVERWRITERS = [writer for writer in WRITERS if writer[0] != "import"]


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def is_content(text: str) -> bool:
    return text.startswith(("{", "# "))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def each(writers: list[list[str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("writer", writers, ids=" ".join)


@each(WRITERS)
class TestEveryFile:
    def test_that_is_new_gets_the_usual_mode_or_is_the_owners_only_if_it_is_a_plan(
        self, writer: list[str], service: Sandbox
    ) -> None:
        assert service.run(*writer, "new").returncode == 0

        assert is_content((service.folder / "new").read_text())
        assert mode(service.folder / "new") == (0o600 if writer == ["plan", "--out"] else 0o644)

    def test_that_is_a_device_is_written_through(self, writer: list[str], service: Sandbox) -> None:
        device = Path("/dev/null")
        if os.getuid() == 0:  # who could replace the real one
            device = service.folder / "null"
            os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))

        assert service.run(*writer, str(device)).returncode == 0

        assert device.is_char_device()

    def test_that_is_a_fifo_is_written_through(self, writer: list[str], service: Sandbox) -> None:
        fifo, read = service.folder / "fifo", []
        os.mkfifo(fifo)
        reader = threading.Thread(target=lambda: read.append(fifo.read_text()))
        reader.start()

        assert service.run(*writer, "fifo").returncode == 0

        reader.join(10)
        assert is_content(read[0])
        assert fifo.is_fifo()

    def test_behind_a_link_is_written_and_the_link_stays(self, writer: list[str], service: Sandbox) -> None:
        (service.folder / "elsewhere").mkdir()
        link = service.folder / "link"
        link.symlink_to("elsewhere/file")

        assert service.run(*writer, "link").returncode == 0

        assert link.is_symlink()
        assert is_content((service.folder / "elsewhere/file").read_text())

    @pytest.mark.parametrize("name", [".", "sub/", "missing/", "sub", ""])
    def test_that_is_a_folder_is_wrong_usage(self, name: str, writer: list[str], service: Sandbox) -> None:
        (service.folder / "sub").mkdir()

        self.check_refused(service, service.run(*writer, name), "is a folder, not a file")

    @pytest.mark.parametrize("name", ["missing/file", "backups.toml/file", "x" * 300])
    def test_that_cannot_be_written_is_one_error(self, name: str, writer: list[str], service: Sandbox) -> None:
        self.check_refused(service, service.run(*writer, name), "can't be written")

    def test_in_a_loop_of_links_is_one_error(self, writer: list[str], service: Sandbox) -> None:
        (service.folder / "loop").symlink_to("loop")

        done = service.run(*writer, "loop")

        assert done.returncode == 1
        assert "can't be written" in done.stderr

    def check_refused(self, service: Sandbox, done: Done, message: str) -> None:
        assert done.returncode == 1
        assert message in done.stderr
        assert {entry.name for entry in service.folder.iterdir()} <= {"backups.toml", "sub"}


@each(OVERWRITERS)
@pytest.mark.parametrize("old_mode", [0o640, 0o664])
def test_an_existing_file_keeps_its_mode_except_a_plan(old_mode: int, writer: list[str], service: Sandbox) -> None:
    file = service.folder / "old"
    file.write_text("old")
    file.chmod(old_mode)

    assert service.run(*writer, "old").returncode == 0

    assert is_content(file.read_text())
    assert mode(file) == (0o600 if writer == ["plan", "--out"] else old_mode)
    assert {entry.name for entry in service.folder.iterdir()} == {"backups.toml", "old"}


@pytest.mark.skipif(not os.access(SHARED_MEMORY, os.W_OK), reason="there is no shared memory")
@each(OVERWRITERS)
def test_a_regular_file_below_dev_is_replaced_and_a_plan_in_it_is_private(writer: list[str], service: Sandbox) -> None:
    with TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        file = Path(folder) / "old"
        file.write_text("old")

        assert service.run(*writer, str(file)).returncode == 0

        assert is_content(file.read_text())
        assert (mode(file) == 0o600) == (writer == ["plan", "--out"])


@contextmanager
def no_room() -> Iterator[None]:
    """Let this process write nothing to a file for as long as the block lasts."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@each([["plan", "--out", "saved.plan"], ["import", "--out", "new.toml"], ["init", "--out", "first.toml"]])
def test_a_file_that_cannot_be_written_to_its_end_leaves_nothing_behind(writer: list[str], service: Sandbox) -> None:
    service.run("plan", "--out", "saved.plan")
    before = {entry.name: entry.read_bytes() for entry in service.folder.iterdir() if entry.is_file()}

    with no_room():
        done = service.run(*writer)

    assert done.returncode == 1
    assert "can't be written: File too large" in done.stderr
    assert {entry.name: entry.read_bytes() for entry in service.folder.iterdir() if entry.is_file()} == before


def test_a_file_is_read_from_standard_input(service: Sandbox) -> None:
    environment = service.environment

    planned = run("plan", "-f", "-", folder=service.folder, standard_input=FILE, **environment)
    broken = run("plan", "-f", "-", folder=service.folder, standard_input="[servers.a]\nid = 1\nx = 2\n", **environment)

    assert planned.stdout == service.run("plan").stdout
    assert broken.returncode == 1
    assert "3 | x = 2" in broken.stderr


def test_an_empty_path_is_no_folder_of_files(service: Sandbox) -> None:
    done = service.run("plan", "-f", "")

    assert (done.returncode, done.stdout) == (1, "")


def test_hidden_files_of_a_folder_are_not_read(service: Sandbox) -> None:
    folder = service.folder / "declared"
    folder.mkdir()
    (folder / "web.toml").write_text(FILE)
    for name in (".#web.toml", "._web.toml"):
        (folder / name).write_text("x")

    assert service.run("validate", "-f", "declared").returncode == 0
