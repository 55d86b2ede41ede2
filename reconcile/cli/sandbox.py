"""`reconcile sandbox`: a local VPS.org to practise on."""

import json
import random
import re
import socket
import sys
from contextlib import suppress
from copy import deepcopy
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import click

from reconcile.cli.options import Parsed, command, option
from reconcile.cli.session import Session
from reconcile.cli.system_clock import SystemClock
from reconcile.diagnostics import UserError
from reconcile.limits import MEBIBYTE, read_file
from reconcile.sandbox.account import Account, generated, load, sample

if TYPE_CHECKING:
    from uvicorn import Server

_LARGEST_SEED = 256 * MEBIBYTE
"""A seed of a million backups is about as large."""


def _per_minute(text: str) -> int:
    number = text.removesuffix("/min")
    if not number.isdigit() or int(number) < 1:
        raise ValueError("write a whole number of requests a minute, like 60/min")
    return int(number)


def _account_name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", text):
        raise ValueError(f"{text!r}: use lower-case letters, digits and hyphens")
    return text


@command()
def sandbox(
    session: Session,
    *,
    port: int = option(
        "Port to listen on; 0 picks a free one.", type=click.IntRange(0, 65535), metavar="PORT", default=8791
    ),
    backup_seconds: float = option(
        "How long each backup takes to complete.", type=click.FloatRange(min=0), metavar="SECONDS", default=5.0
    ),
    page_size: int = option("Entries per page.", type=click.IntRange(min=1), default=100),
    latency_ms: int = option("Delay before every response.", type=click.IntRange(min=0), metavar="MS", default=0),
    fail_rate: float = option("Share of backups that fail.", type=click.FloatRange(0, 1), metavar="SHARE", default=0.0),
    rate_limit: int | None = option(
        "Reply with 429 above this rate.  [default: no limit]", type=Parsed("rate", _per_minute), metavar="N/min"
    ),
    seed: Path | None = option(
        'JSON to start with, {"servers": […], "backups": […]}.  [default: the documentation\'s sample]'
    ),
    names: tuple[str, ...] = option(
        "Serve an account with this name and its own token. Can be repeated.  [default: one account]",
        flag="--account",
        type=Parsed("name", _account_name),
        metavar="NAME",
    ),
    servers: int | None = option(
        "Start with N servers, each with two weeks of nightly backups.", type=click.IntRange(1, 5000)
    ),
    dated_names: bool = option("With --servers, put the date into each description."),
    gaps: bool = option("With --servers, leave some nights out."),
) -> None:
    """Serve a local VPS.org, in memory, until interrupted.

    Prints the lines that point reconcile at it. The token vps_sandbox has every permission; vps_readonly is read-only.
    The tokens of an account with a name end in _NAME.
    """
    if seed and servers:
        raise click.UsageError("--seed or --servers, not both")
    if (dated_names or gaps) and not servers:
        raise click.UsageError("--dated-names and --gaps require --servers")
    clock = SystemClock()
    try:
        if servers:
            machines, backups = generated(servers, clock.now(), dated=dated_names, gaps=gaps)
        else:
            machines, backups = load(read_file(seed, _LARGEST_SEED)) if seed else sample(clock.now())
    except (OSError, ValueError) as error:
        raise UserError(f"--seed {seed}: {error}", "Name a file in the format of the service's own lists.") from error
    accounts = [
        Account(
            servers=deepcopy(machines),
            backups=deepcopy(backups),
            now=clock.now,
            backup_seconds=backup_seconds,
            fails=lambda: random.random() < fail_rate,  # noqa: S311 - practice, not cryptography
            name=name,
        )
        for name in names or ("",)
    ]
    server = server_of(*accounts, page_size=page_size, latency=latency_ms / 1000, rate_limit=rate_limit)
    try:
        listener = socket.create_server(("127.0.0.1", port))  # from now on a client waits, rather than being rejected
    except OSError as error:
        raise UserError(
            f"port {port}: {error.strerror}", "Choose another port with --port, or 0 for a free one."
        ) from error
    session.output.result([f"export VPS_API_URL=http://127.0.0.1:{listener.getsockname()[1]}/api/v1"])
    for account in accounts:
        suffix = f"_{account.name.upper().replace('-', '_')}" if account.name else ""
        session.output.result([f"export VPS_API_TOKEN{suffix}={account.token}"])
    session.output.note("Serving. Ctrl-C stops the sandbox and discards its data.")
    server.run(sockets=[listener])


def server_of(*accounts: Account, **options: Any) -> "Server":  # noqa: ANN401 - those of `application`
    """Return a server of the accounts; raises UserError if the extra is not installed."""
    try:
        from uvicorn import Config, Server  # noqa: PLC0415 - an extra, so imported where it is used

        from reconcile.sandbox.http import application  # noqa: PLC0415 - as above
    except ImportError as error:
        advice = f"It comes with an extra: {how_to_install('sandbox')}"
        raise UserError("the sandbox is not installed", advice) from error
    return Server(Config(application(*accounts, **options), log_level="warning", lifespan="off"))


def how_to_install(extra: str) -> str:
    """Return the command that adds an extra to this installation: by uv, pipx or pip.

    It names the folder that the program was installed from, or its name if it came from a package index.
    """
    source = "vps-reconcile"
    with suppress(PackageNotFoundError, ValueError):
        recorded = json.loads(distribution(source).read_text("direct_url.json") or "{}")
        url = urlsplit(recorded.get("url", ""))
        source = unquote(url.path) if url.scheme == "file" else source
    what = f"'{source}[{extra}]'"
    environment = sys.prefix.replace("\\", "/")
    if "/uv/tools/" in environment:
        return f"uv tool install --force {what}"
    if "/pipx/venvs/" in environment:
        return f"pipx install --force {what}"
    return f"{sys.executable} -m pip install {what}"
