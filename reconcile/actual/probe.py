"""Examines the real service for `reconcile doctor`, with a few reads."""

from reconcile.actual.errors import ApiError
from reconcile.actual.facts import (
    BACKUP_FIELDS,
    SERVER_FIELDS,
    AccountFacts,
    FirstPage,
    NotAList,
    ServiceFacts,
    read_account_facts,
    read_first_page,
)
from reconcile.actual.http import Http
from reconcile.actual.inventory import Inventory
from reconcile.actual.reader import Reader

_LIMIT_HEADERS = ("ratelimit", "x-ratelimit", "retry-after")


class Probe:
    """Reads what `ServiceFacts` holds."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def facts(self) -> ServiceFacts:
        """Read the first pages of both lists, what the token may do, and the whole account.

        Raises:
            ApiError: the list of backups can't be read; then nothing else can be.
        """
        first = await self._http.request("GET", "/backups/")
        our_time = self._http.clock.now()
        return ServiceFacts(
            backups=read_first_page(first.body, BACKUP_FIELDS),
            servers=await self._servers(),
            account=await self._account(),
            inventory=await self._inventory(),
            service_time=first.date,
            our_time=our_time,
            rate_limits=tuple(
                (name, value) for name, value in first.headers.items() if name.lower().startswith(_LIMIT_HEADERS)
            ),
        )

    async def _servers(self) -> FirstPage | NotAList | ApiError:
        try:
            return read_first_page((await self._http.request("GET", "/servers/")).body, SERVER_FIELDS)
        except ApiError as error:
            return error

    async def _account(self) -> AccountFacts | ApiError:
        try:
            return read_account_facts((await self._http.request("GET", "/account/me/")).body)
        except ApiError as error:
            return error

    async def _inventory(self) -> Inventory | ApiError:
        try:
            return await Reader(self._http).observe(checks_clock=False)
        except ApiError as error:
            return error
