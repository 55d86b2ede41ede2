"""Examines the real service for `reconcile doctor`, with a few reads."""

from reconcile.actual.errors import ApiError
from reconcile.actual.facts import ServiceFacts
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
            backups=first.body,
            servers=await self._body("/servers/"),
            account=await self._body("/account/me/"),
            inventory=await self._inventory(),
            service_time=first.date,
            our_time=our_time,
            rate_limits=tuple(
                (name, value) for name, value in first.headers.items() if name.lower().startswith(_LIMIT_HEADERS)
            ),
        )

    async def _body(self, path: str) -> bytes | ApiError:
        try:
            return (await self._http.request("GET", path)).body
        except ApiError as error:
            return error

    async def _inventory(self) -> Inventory | ApiError:
        try:
            return await Reader(self._http).observe()
        except ApiError as error:
            return error
