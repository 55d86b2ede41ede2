"""Everything that can go wrong with one request, each kind by its name."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import anyio
import httpx

from support.world import Crash, Fault, Handler, World


def not_sent(_: World, request: httpx.Request, __: Handler) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def lost_before(_: World, request: httpx.Request, __: Handler) -> httpx.Response:
    raise httpx.ReadError("reset", request=request)


def lost_after(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
    handle(request)
    raise httpx.RemoteProtocolError("closed", request=request)


async def _too_late(request: httpx.Request) -> httpx.Response:
    await anyio.sleep(60)
    raise httpx.ReadTimeout("slow", request=request)


def timeout_before(_: World, request: httpx.Request, __: Handler) -> Awaitable[httpx.Response]:
    return _too_late(request)


def timeout_after(_: World, request: httpx.Request, handle: Handler) -> Awaitable[httpx.Response]:
    handle(request)
    return _too_late(request)


def error_before(_: World, __: httpx.Request, ___: Handler) -> httpx.Response:
    return httpx.Response(500, json={"detail": "Oops."})


def error_after(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
    handle(request)
    return httpx.Response(502, html="<h1>Bad gateway</h1>")


def unavailable_after(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
    handle(request)
    return httpx.Response(503, headers={"Retry-After": "7"})


def limited(_: World, __: httpx.Request, ___: Handler) -> httpx.Response:
    return httpx.Response(429, headers={"Retry-After": "5"}, json={"detail": "Request was throttled."})


def busy(_: World, __: httpx.Request, ___: Handler) -> httpx.Response:
    return httpx.Response(409, json={"detail": "A backup of this server is in progress."})


def cut_short(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
    answer = handle(request)
    return httpx.Response(answer.status_code, content=answer.content[: len(answer.content) // 2])


def html(_: World, __: httpx.Request, ___: Handler) -> httpx.Response:
    return httpx.Response(200, html="<html>Sign in</html>")


def miscounted(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
    answer = handle(request).json()
    return httpx.Response(200, json={**answer, "count": answer["count"] + 1})


def shortened(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
    """Answer with a list that lacks its last entry, and does not hide that it does."""
    answer = handle(request).json()
    return httpx.Response(200, json={**answer, "results": answer["results"][:-1]})


async def _slow(request: httpx.Request, handle: Handler) -> httpx.Response:
    await anyio.sleep(50)
    return handle(request)


def slow(_: World, request: httpx.Request, handle: Handler) -> Awaitable[httpx.Response]:
    return _slow(request, handle)


def refused(_: World, __: httpx.Request, ___: Handler) -> httpx.Response:
    return httpx.Response(403, json={"detail": "You do not have permission to perform this action."})


def hidden(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
    """Carry out a create that the list does not show for a while."""
    answer = handle(request)
    _hide(world, answer)
    return answer


def hidden_and_lost(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
    _hide(world, handle(request))
    raise httpx.ReadError("reset", request=request)


def _hide(world: World, made: httpx.Response) -> None:
    if made.status_code == httpx.codes.CREATED:
        world.hidden_until[made.json()["id"]] = world.now() + timedelta(seconds=20)


def crash_before(_: World, __: httpx.Request, ___: Handler) -> httpx.Response:
    raise Crash


def crash_after(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
    handle(request)
    raise Crash


_ANYWHERE = (not_sent, lost_before, timeout_before, error_before, limited, html, slow, refused)
_READING = (cut_short, miscounted, shortened)
_WRITING = (lost_after, timeout_after, error_after, unavailable_after, busy)
_CREATING = (cut_short, hidden, hidden_and_lost)
CRASHES: dict[str, Fault] = {crash.__name__: crash for crash in (crash_before, crash_after)}
FAULTS: dict[str, dict[str, Fault]] = {
    "GET": {fault.__name__: fault for fault in (*_ANYWHERE, *_READING)},
    "POST": {fault.__name__: fault for fault in (*_ANYWHERE, *_WRITING, *_CREATING)},
    "DELETE": {fault.__name__: fault for fault in (*_ANYWHERE, *_WRITING)},
}
"""The kinds of fault by the method of the request that they happen to."""

BY_NAME: dict[str, Fault] = {**CRASHES, **{name: fault for kinds in FAULTS.values() for name, fault in kinds.items()}}


def where_it_fits(name: str) -> Fault:
    """Return the fault, for requests that can meet it; others are carried out as they are."""

    def meets(world: World, request: httpx.Request, handle: Handler) -> Any:  # noqa: ANN401 - as a fault
        fits = name in CRASHES or name in FAULTS[request.method]
        return BY_NAME[name](world, request, handle) if fits else handle(request)

    return meets
