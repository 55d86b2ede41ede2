"""The service that the examples are run against."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import TOKEN, Sandbox, sandbox

FILE = '[servers.web-server-01]\nid = 12345\nbackups = [{ description = "nightly", every = "1d" }]\n'


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    """Serve the sample, beside a file with one backup to create and the token."""
    (tmp_path / "token").write_text(TOKEN)
    with sandbox(tmp_path) as served:
        served.write(FILE)
        yield served
