"""A scripted service in the same process, for tests of the client: answers given one by one, requests kept."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import anyio
import httpx

from reconcile.actual.credentials import Access
from reconcile.actual.http import PARALLELISM, Http
from reconcile.clock import StoppableClock
from support.pages import page_of
from support.virtual import VirtualClock, run_virtually

URL = "https://vps.example/api/v1"
TOKEN = "vps_secret"
ACCESS = Access(base_url=URL, token=TOKEN, token_from="test")

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]
Value = TypeVar("Value")


@dataclass
class Script:
    """Answers in turn, the last one again and again; `elapsed` is how many virtual seconds the last run took."""

    answers: list[Answer]
    requests: list[httpx.Request] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    announced: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> Any:  # noqa: ANN401 - httpx takes a response, or one to wait for
        self.requests.append(request)
        self.sent_at.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    @property
    def urls(self) -> list[str]:
        return [str(request.url).removeprefix(URL) for request in self.requests]

    def run(
        self,
        use: Callable[[Http], Awaitable[Value]],
        *,
        seconds: float = 3600,
        parallelism: int = PARALLELISM,
        base_url: str = URL,
    ) -> Value:
        """Use the client on a virtual clock, with a deadline after `seconds`."""

        async def session() -> Value:
            clock = StoppableClock(VirtualClock(), seconds=seconds)
            http = Http(
                replace(ACCESS, base_url=base_url),
                clock,
                parallelism=parallelism,
                transport=httpx.MockTransport(self),
                announce=self.announced.append,
            )
            try:
                async with clock, http:
                    return await use(http)
            finally:
                self.elapsed = clock.monotonic()

        return run_virtually(session)


@dataclass
class Lists:
    """A service that lists in pages as Django REST Framework does; an answer takes `latency` virtual seconds.

    `before` is called with each request first; what it returns is the answer in place of a page.
    """

    backups: list[dict[str, Any]] = field(default_factory=list)
    servers: list[dict[str, Any]] = field(default_factory=list)
    largest_page: int = 1000
    latency: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[httpx.Request], httpx.Response | None] = lambda _: None
    in_flight: int = 0
    most_in_flight: int = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await anyio.sleep(self.latency)
        self.in_flight -= 1
        return self.before(request) or self._page(request)

    def _page(self, request: httpx.Request) -> httpx.Response:
        entries = self.servers if request.url.path.endswith("/servers/") else self.backups
        if kind := request.url.params.get("backup_type"):
            entries = [entry for entry in entries if entry["backup_type"] == kind]
        listed = page_of(entries, request.url, largest=self.largest_page)
        listed.headers.update(self.headers)
        return listed


def item(id_: object = 1, **changes: object) -> dict[str, Any]:
    """Return a backup as the service lists it."""
    return {
        "id": id_,
        "server": {"id": 1, "name": "web"},
        "backup_type": "manual",
        "status": "completed",
        "size_mb": 4456,
        "created_at": "2025-01-14T10:30:00Z",
        "expires_at": None,
        "description": "nightly",
        **changes,
    }
