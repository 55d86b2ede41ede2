"""`reconcile sandbox`: a local VPS.org to practise on."""

import re
from pathlib import Path

import click

from reconcile.cli.exit_code import ExitCode
from reconcile.cli.extras import sandbox_missing
from reconcile.cli.options import command, option
from reconcile.cli.session import Session
from reconcile.cli.system_clock import SystemClock
from reconcile.diagnostics import UserError
from reconcile.limits import MEBIBYTE, read_file

_LARGEST_SEED = 256 * MEBIBYTE
"""A seed of a million backups is about as large."""


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
    rate_limit: str | None = option("Reply with 429 above this rate.  [default: no limit]", metavar="N/min"),
    seed: Path | None = option(
        'JSON to start with, {"servers": […], "backups": […]}.  [default: the documentation\'s sample]'
    ),
    names: tuple[str, ...] = option(
        "Serve an account with this name and its own token. Can be repeated.  [default: one account]",
        flag="--account",
        metavar="NAME",
    ),
    servers: int | None = option(
        "Start with N servers, each with two weeks of nightly backups.", type=click.IntRange(1, 5000)
    ),
    dated_names: bool = option("With --servers, put the date into each description."),
    gaps: bool = option("With --servers, leave some nights out."),
) -> ExitCode:
    """Serve a local VPS.org, in memory, until interrupted.

    Prints the lines that point reconcile at it. The token vps_sandbox has every permission; vps_readonly is read-only.
    The tokens of an account with a name end in _NAME.
    """
    if seed and servers:
        raise click.UsageError("--seed or --servers, not both")
    if (dated_names or gaps) and not servers:
        raise click.UsageError("--dated-names and --gaps require --servers")
    if odd := [name for name in names if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name)]:
        raise click.BadParameter(f"{odd[0]!r}: use lower-case letters, digits and hyphens", param_hint="--account")
    try:
        from reconcile.sandbox.account import generated, load, sample  # noqa: PLC0415 - an extra, so imported where it is used
        from reconcile.sandbox.serve import Behaviour, bind, exports, serve  # noqa: PLC0415
    except ImportError as error:
        raise sandbox_missing() from error

    behaviour = Behaviour(
        backup_seconds=backup_seconds,
        page_size=page_size,
        latency=latency_ms / 1000,
        fail_rate=fail_rate,
        rate_limit=_per_minute(rate_limit),
        names=names,
    )
    clock = SystemClock()
    try:
        if servers:
            holdings = generated(servers, clock.now(), dated=dated_names, gaps=gaps)
        else:
            holdings = load(read_file(seed, _LARGEST_SEED)) if seed else sample(clock.now())
    except (OSError, ValueError) as error:
        raise UserError(f"--seed {seed}: {error}", "Name a file in the format of the service's own lists.") from error
    try:
        listener = bind(port)
    except OSError as error:
        raise UserError(
            f"port {port}: {error.strerror}", "Choose another port with --port, or 0 for a free one."
        ) from error
    session.output.result(exports(listener, names))
    session.output.note("Serving. Ctrl-C stops the sandbox and discards its data.")
    serve(listener, holdings, behaviour, now=clock.now, monotonic=clock.monotonic)
    return ExitCode.DONE


def _per_minute(text: str | None) -> int | None:
    if text is None:
        return None
    number = text.removesuffix("/min")
    if not number.isdigit() or int(number) < 1:
        raise click.BadParameter("write a whole number of requests a minute, like 60/min", param_hint="--rate-limit")
    return int(number)
