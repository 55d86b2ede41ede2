"""The services that most tests of commands run against."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import FILE, Sandbox, sandbox
from support.killer import Killer, killer
from support.schedules import SMALL_FILE


@pytest.fixture
def service_alone(tmp_path: Path) -> Iterator[Sandbox]:
    """Serve the sample, beside no file."""
    with sandbox(tmp_path) as served:
        yield served


@pytest.fixture
def service(service_alone: Sandbox) -> Sandbox:
    """Serve the sample, beside a file with one backup to create."""
    service_alone.write(FILE)
    return service_alone


@pytest.fixture
def odd_service(tmp_path: Path) -> Iterator[Killer]:
    """Serve the small world, whose responses a test can change, beside its file."""
    with killer(tmp_path) as served:
        served.write(SMALL_FILE)
        yield served
