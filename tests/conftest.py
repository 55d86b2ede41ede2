"""Options of this suite, and how many examples hypothesis draws."""

import gc
import os
import signal

import pytest
from hypothesis import HealthCheck, settings
from support import sample

# A few examples, the same in every run, so a change fails only what it breaks. `--hypothesis-profile thorough` draws
# more, and others each time. Neither measures time: a slow machine fails nothing.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", patient, max_examples=20, derandomize=True)
settings.register_profile("thorough", patient, max_examples=150)
settings.load_profile("suite")

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it starts in the background
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it

gc.disable()  # until all tests are collected: looking for garbage among them takes half of the time, and finds none


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-goldens", action="store_true", help="Write the expected outputs in tests/cases again.")
    parser.addoption("--from-record", help="Write a case in tests/cases from a record, and its expected outputs.")
    parser.addoption("--all-pairs", action="store_true", help="Simulate every pair of faults, not a sample.")
    parser.addoption("--schedule", help="Simulate this schedule, as a failing test names it.")
    parser.addoption(
        "--all-schedules",
        action="store_true",
        help="Run every case over HTTP (seeds, kills, timeouts, surroundings), not a sample.",
    )
    parser.addoption(
        "--tools", action="store_true", help="Install tools of others, and have them read our plans and manifests."
    )
    parser.addoption("--seed", type=int, help="Run this seed over the faulty HTTP service.")


def pytest_configure(config: pytest.Config) -> None:
    sample.Sampling.is_off = config.getoption("--all-schedules")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests marked `all_schedules`, without the option of that name."""
    if config.getoption("--all-schedules"):
        return
    left_out = [item for item in items if item.get_closest_marker("all_schedules")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("all_schedules")]


def pytest_collection_finish() -> None:
    """Look for garbage from now on, but not among the tests and the modules."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _nothing_set_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this machine's token, proxies, certificates and CI away from what runs in this process."""
    for name in list(os.environ):
        if name.startswith(("VPS_", "GITHUB_", "SSL_CERT_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
