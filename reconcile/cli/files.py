"""Writes files, and reads saved plans and records."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from reconcile.diagnostics import UserError
from reconcile.limits import MEBIBYTE, read_file

if TYPE_CHECKING:
    from reconcile.plan.model import Plan
    from reconcile.plan.record import Record

_LARGEST = 256 * MEBIBYTE
"""Bytes. A plan for 100,000 backups is about 60 MB, a record of them about 8 MB."""

_Parsed = TypeVar("_Parsed")

_IN_MEMORY = ("/", "dev", "shm")
"""The one folder below /dev that holds regular files."""


def read_plan(path: Path) -> "Plan":
    """Read a saved plan; raises UserError."""
    if path.suffix == ".toml":
        raise UserError(f"{path} is not a saved plan", f"Name files with -f: -f {path}")
    from reconcile.plan.saved import parse  # noqa: PLC0415 - takes 40 ms, and few runs have a saved plan

    return _parsed(path, parse, "Create a plan first: reconcile plan --out FILE.")


def records_in(path: Path) -> list[Path]:
    """Return the paths of the records in a folder, the oldest first, or `path` itself if it is a record.

    Raises:
        UserError: there is none.
    """
    if not path.is_dir():
        return [path]
    if found := _records(path):
        return found
    raise UserError(f"{path} contains no records", "Records are written by apply --record DIR.")


def _records(folder: Path) -> list[Path]:
    return sorted(folder.glob("????????T*-*.json"))  # they are named by their time, unlike other files


def records_since(path: Path, is_wanted: "Callable[[Record], bool]") -> "Iterator[tuple[str, Record]]":
    """Read the record `path` and the later ones beside it, or of a folder the newest that is wanted and the later ones.

    Yields them by path, the oldest first, one by one: a year of them does not fit into memory. Raises UserError.
    """
    later = [] if path.is_dir() else [each for each in _records(path.parent) if each.name > path.name]
    for each in reversed(records_in(path)):
        record = read_record(each)
        if not path.is_dir() or is_wanted(record):
            break
        later.insert(0, each)
    yield str(each), record
    yield from ((str(each), read_record(each)) for each in later)


def read_record(path: Path) -> "Record":
    """Read a record; raises UserError."""
    from reconcile.plan.record import parse  # noqa: PLC0415 - as above

    return _parsed(path, parse, "Name a record, or a folder of records.")


def _parsed(path: Path, parse: Callable[[bytes, str], _Parsed], advice: str) -> _Parsed:
    try:
        return parse(read_file(path, _LARGEST), str(path))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", advice) from error


def write_file(path: Path, content: str, *, private: bool = False, new: bool = False) -> None:
    """Write a file atomically, in UTF-8, so that no reader ever sees half of it.

    Follows links, and writes directly to anything but a regular file (see `_is_stream`). An existing file keeps its
    mode, and a new one gets the default; a `private` one is readable by its owner only. A file that must be `new` is
    written in place.

    Raises:
        UserError: the file can't be written, or it must be `new` and exists.
    """
    data = content.encode()
    try:
        if _is_stream(path):
            with path.open("ab") as through:
                through.write(data)
            return
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        if target.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))  # noqa: TRY301 - reported as the system's own is
        if new:
            _create(target, data, 0o666)
            return
        mode = None if private or not target.exists() else stat.S_IMODE(target.stat().st_mode)
        _replace(target, data, 0o600 if private else 0o666, mode)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}", "Choose another path.") from error


def check_new(path: Path) -> None:
    """Raise UserError if the file exists, before any work for `write_file` with `new` is done."""
    if str(path) != "-" and os.path.isfile(path) and not _is_stream(path):  # noqa: PTH113 - raises nothing, however long the path is
        raise _exists(path)


def _exists(path: Path) -> UserError:
    return UserError(f"{path} exists already", "Choose another file, or remove it first.")


def _is_stream(path: Path) -> bool:
    """Return whether a path is a device, a FIFO, or a file that is open already (`/dev/stdout`); raises OSError."""
    if path.parts[:3] != _IN_MEMORY and path.parts[:2] in {("/", "dev"), ("/", "proc")}:
        return True
    return path.exists() and not path.is_file()


def _replace(target: Path, data: bytes, new_mode: int, mode: int | None) -> None:
    """Write beside the file and move it into place; `mode`, if given, is set regardless of the umask."""
    beside = target.with_name(f".{target.name[:100]}.{os.urandom(4).hex()}")
    _create(beside, data, new_mode, mode)
    try:
        beside.replace(target)
        with suppress(OSError):  # not every file system has it
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _create(path: Path, data: bytes, new_mode: int, mode: int | None = None) -> None:
    """Write a file that must not exist; if that fails, leave no part of it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, new_mode)
    try:
        with os.fdopen(handle, "wb") as file:
            if mode is not None:
                os.fchmod(handle, mode)
            file.write(data)
            file.flush()
            os.fsync(handle)  # or a crash of the machine could leave an empty file under the new name
    except BaseException:
        path.unlink(missing_ok=True)
        raise
