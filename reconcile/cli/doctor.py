"""`reconcile doctor`: what works, what does not, and what to do; read-only."""

import os
import platform

import click

from reconcile.actual.credentials import Access
from reconcile.actual.facts import ServiceFacts
from reconcile.actual.probe import Probe
from reconcile.cli.connection import connect
from reconcile.cli.exit_code import ExitCode
from reconcile.cli.options import command
from reconcile.cli.session import Session
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.insight.doctor import AccessFacts, Diagnosis, findings
from reconcile.report.formats import DOCTOR_FORMATS

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")


@command(files=True, account=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a bug report, without secrets and server names.")
def doctor(session: Session, *, as_json: bool) -> ExitCode:
    """Check the set-up against the real service, and change nothing."""
    config = _config(session)
    access = _access(session)
    if isinstance(access, Access):
        proxies = {name: os.environ[name] for name in _PROXIES if os.environ.get(name)}
        facts = AccessFacts(base_url=access.base_url, token_from=access.token_from, proxies=proxies)
        found = findings(config, facts, _service(session, access))
    else:
        found = findings(config, access, None)
    diagnosis = Diagnosis(findings=found, python=platform.python_version(), platform=platform.platform())
    session.output.show(DOCTOR_FORMATS["json" if as_json else "text"](diagnosis, verbose=session.output.verbose))
    return ExitCode.ERROR if diagnosis.errors else ExitCode.DONE


def _config(session: Session) -> Config | UserError:
    try:
        return session.config()
    except UserError as error:
        return error


def _access(session: Session) -> Access | UserError:
    try:
        return session.access()
    except UserError as error:
        return error


def _service(session: Session, access: Access) -> ServiceFacts | UserError:
    try:
        return connect(session, lambda reader: Probe(reader.http).facts(), access=access)
    except UserError as error:
        if error.is_interrupt:
            raise
        return error
