"""`reconcile forecast`: what the policies will hold, and how much, over time."""

from pathlib import Path

import click
from rich.progress import Progress

from reconcile.cli.connection import connect
from reconcile.cli.options import COMPARE, OUTPUT_FILE, command, option
from reconcile.cli.process import ExitCode
from reconcile.cli.session import Session
from reconcile.desired.config import Config
from reconcile.desired.desired import Desired
from reconcile.durations import Duration
from reconcile.insight.forecast import Forecast, Schedule, compare, without_account
from reconcile.insight.forecast import forecast as forecast_of
from reconcile.plan.planning import desired_before, desired_for
from reconcile.report.forecast import FORECAST_FORMATS


@command(FORECAST_FORMATS, files=True, targets=True, account=True)
def forecast(
    session: Session,
    *,
    days: int = option("Days to look ahead.", type=click.IntRange(1, 36_500), default=365),
    apply_every: Duration = option("Interval between simulated applies.", default="1d"),
    size_mb: int | None = option(
        "Size to assume for a backup when neither its series nor its server has a known size.",
        type=click.IntRange(1, 10**9),
    ),
    from_empty: bool = option("Start with no backups; needs no network and no token."),
    files_before: tuple[str, ...] = COMPARE,
    html_file: Path | None = option(
        "Write an HTML page that draws the forecast over time.", type=OUTPUT_FILE, flag="--html"
    ),
) -> ExitCode:
    """Forecast how many backups your policies will hold, their size, and how far back they reach.

    Runs the planner again and again on a simulated account, in which every backup completes at once. The simulation
    starts from the real account. Each new backup gets the median size of the series, or else of the server.
    """
    before = session.config_before(files_before)
    config = session.config()
    inventory = None if from_empty else connect(session, lambda reader: reader.observe())
    start = inventory.observed_at if inventory else session.clock.now().replace(microsecond=0)
    schedule = Schedule(start=start, days=days, every=apply_every)

    def forecast_for(config: Config, after: Desired | None = None) -> tuple[Desired, Forecast]:
        declared, account = (config, inventory) if inventory else without_account(config, start)
        desired = desired_before(declared, account, after) if after else desired_for(declared, account, session.targets)
        screen = session.output.err
        bars = Progress(console=screen.console, transient=True, disable=not screen.is_terminal)
        task = bars.add_task("Simulating each apply", total=None)

        def show(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        with session.time_limit("forecasting"), bars:
            try:
                found = forecast_of(desired, account, schedule, size_mb=size_mb, progress=show)
            except ValueError as error:
                raise click.UsageError(f"{error}; choose fewer days, or a longer --apply-every") from error
        return desired, found

    desired, after = forecast_for(config)
    found = compare(forecast_for(before, desired)[1], after) if before else after
    with session.one_of_several():
        if html_file:
            from reconcile.report.forecast.html import forecast_html  # noqa: PLC0415 - loads Jinja

            session.write(html_file, forecast_html(found, verbose=session.output.verbose))
    session.show(FORECAST_FORMATS, found)
    session.output.diagnostics(after.first.errors)
    return ExitCode.ERROR if after.first.errors else ExitCode.DONE
