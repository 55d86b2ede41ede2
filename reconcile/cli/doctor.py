"""`reconcile doctor`: what works, what does not, and what to do; read-only."""

import os
import platform
from collections.abc import Iterator

import anyio
import click
import httpx

from reconcile.actual.credentials import Access
from reconcile.actual.http import Http
from reconcile.actual.inventory import Inventory
from reconcile.actual.probe import Finding, Probe, State
from reconcile.actual.reader import Reader
from reconcile.cli.clock import SystemClock
from reconcile.cli.options import Account, Files, account_options, file_options
from reconcile.cli.output import Output, output_options
from reconcile.clock import StoppableClock
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.plan.refusals import check_servers
from reconcile.plan.wording import count
from reconcile.report.doctor_text import doctor_json, doctor_text

_PATIENCE = 60.0
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")


@click.command()
@file_options
@account_options
@click.option("--json", "as_json", is_flag=True, help="Fit for a bug report: no secrets, no server names.")
@output_options
def doctor(*, files: Files, account: Account, as_json: bool, output: Output, verbose: bool) -> int:  # noqa: ARG001 - nothing to add
    """Check the set-up against the real service, and change nothing."""
    findings: list[Finding] = []
    config = _file(files, findings)
    access = _access(account, findings)
    if access:
        inventory = _service(access, findings)
        if config and inventory:
            findings.append(_fit(config, inventory))
    if as_json:
        output.json(doctor_json(findings, platform.python_version(), platform.platform()))
    else:
        output.result(doctor_text(findings))
    return int(any(it.state is State.ERROR for it in findings))


def _file(files: Files, findings: list[Finding]) -> Config | None:
    try:
        config = files.load()
    except UserError as error:
        first = error.diagnostics[0]
        # What a mistake says may name a server; that the file is not there, or can't be read, names none.
        words = count(len(error.diagnostics), "mistake") if first.range else first.summary
        advice = "reconcile validate shows them. A first file: examples/first.toml, or reconcile import."
        findings.append(Finding(check="file", state=State.ERROR, words=words, advice=advice))
        return None
    series = sum(len(server.series) for server in config.servers)
    words = f"valid, {series} series on {count(len(config.servers), 'server')}"
    findings.append(Finding(check="file", state=State.OK, words=words))
    return config


def _access(account: Account, findings: list[Finding]) -> Access | None:
    try:
        access = account.access()
    except UserError as error:
        first = error.diagnostics[0]
        findings.append(Finding(check="token", state=State.ERROR, words=first.summary, advice=first.detail))
        return None
    findings.append(Finding(check="token", state=State.OK, words=f"from {access.token_from}"))
    proxies = ", ".join(_proxies()) or "no proxy"
    secured = "TLS" if access.base_url.startswith("https:") else "plain http on this machine"
    findings.append(Finding(check="base URL", state=State.OK, words=f"{access.base_url}, {secured}, {proxies}"))
    return access


def _proxies() -> Iterator[str]:
    for name in _PROXIES:
        if value := os.environ.get(name):
            # Without what may stand before the host: a proxy's password is a secret too.
            yield f"{name} is {httpx.URL(value).host}"


def _service(access: Access, findings: list[Finding]) -> Inventory | None:
    async def look() -> Inventory | None:
        async with Http(access, StoppableClock(SystemClock(), seconds=_PATIENCE)) as http:
            findings.extend(await Probe(http).findings())
            try:
                return await Reader(http).observe()
            except UserError:
                return None  # the probe has said why

    return anyio.run(look)


def _fit(config: Config, inventory: Inventory) -> Finding:
    try:
        notes = check_servers(list(config.servers), inventory)
    except UserError as error:
        words = f"{len(error.diagnostics)} of {len(config.servers)} declared servers are not the account's"
        return Finding(check="declared servers", state=State.ERROR, words=words, advice="reconcile plan says which.")
    if notes:
        return Finding(check="declared servers", state=State.WARNING, words=notes[0].summary)
    return Finding(check="declared servers", state=State.OK, words="all are the account's")
