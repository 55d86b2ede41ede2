"""`reconcile doctor`: what works, what does not, and what to do; read-only."""

import os
import platform
from collections.abc import Awaitable, Callable
from typing import TypeVar

from reconcile.actual.errors import ApiError
from reconcile.actual.inventory import Backup
from reconcile.actual.reader import Reader
from reconcile.cli.connection import connect
from reconcile.cli.options import command
from reconcile.cli.process import ExitCode
from reconcile.cli.session import Session
from reconcile.diagnostics import UserError
from reconcile.insight.doctor import (
    BACKUP_FIELDS,
    SERVER_FIELDS,
    AccessFacts,
    ListFacts,
    ServiceFacts,
    TokenFacts,
    diagnose,
)
from reconcile.report.doctor import DOCTOR_FORMATS

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")
_LIMIT_HEADERS = ("ratelimit", "x-ratelimit", "retry-after")

Value = TypeVar("Value")


@command(DOCTOR_FORMATS, files=True, account=True)
def doctor(session: Session) -> ExitCode:
    """Check the files, the token and the service, and say what to do. Changes nothing."""
    config = _tried(session.config) if session.has_files else None
    access = _tried(session.access)
    facts: AccessFacts | UserError
    service: ServiceFacts | UserError | None
    if isinstance(access, UserError):
        facts, service = access, None
    else:
        proxies = {name: os.environ[name] for name in _PROXIES if os.environ.get(name)}
        facts = AccessFacts(base_url=access.base_url, token_from=access.token_from, proxies=proxies)
        service = _tried(lambda: connect(session, examine, access=access, asks_account=True))
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    diagnosis = diagnose(config, facts, service, versions, session.clock.now())
    session.show(DOCTOR_FORMATS, diagnosis)
    return ExitCode.ERROR if diagnosis.errors else ExitCode.DONE


def _tried(read: Callable[[], Value]) -> Value | UserError:
    """Return the result, or the error that a check reports; an interruption ends the command."""
    try:
        return read()
    except UserError as error:
        if error.is_interrupt:
            raise
        return error


async def _or_error(response: Awaitable[Value]) -> Value | ApiError:
    try:
        return await response
    except ApiError as error:
        return error


async def examine(reader: Reader) -> ServiceFacts:
    """Read the first page of both lists, the token's permissions, and the whole account with and without a filter.

    Raises:
        ApiError: the list of backups can't be read; then nothing else can be.
    """
    first = await reader.http.request("GET", "/backups/")
    lists = [ListFacts.read("/backups/", first.body, BACKUP_FIELDS)]
    servers = await _or_error(reader.http.request("GET", "/servers/"))
    if not isinstance(servers, ApiError):  # what follows from it shows when the whole account is read
        lists.append(ListFacts.read("/servers/", servers.body, SERVER_FIELDS))
    token = await _or_error(reader.http.request("GET", "/account/me/"))
    inventory = await _or_error(reader.observe(automatic=True, checks_clock=False))
    requests = reader.pages
    filtered = await _or_error(reader.backups())
    return ServiceFacts(
        inventory=inventory,
        filtered=(
            filtered
            if isinstance(filtered, ApiError)
            else frozenset(backup.id for backup in filtered if isinstance(backup, Backup))
        ),
        requests=requests,
        token=token if isinstance(token, ApiError) else TokenFacts.read(token.body),
        lists=tuple(filter(None, lists)),
        rate_limits={
            name: value for name, value in first.head.headers.items() if name.lower().startswith(_LIMIT_HEADERS)
        },
    )
