"""One request: what is sent, how long anything may take, and what is never shown or followed."""

import gzip
import logging
import tracemalloc
from contextlib import suppress

import anyio
import httpx
import pytest
from support.service import TOKEN, Answer, Script

from reconcile.actual.errors import ApiError, BusyError, FinalError, OutcomeUnknownError
from reconcile.actual.http import Http
from reconcile.clock import Stop, StoppedError

GOOD = httpx.Response(200, json={})


def get(*answers: Answer, seconds: float = 3600) -> Script:
    script = Script(list(answers))
    script.run(lambda http: http.request("GET", "/backups/"), seconds=seconds)
    return script


async def attempt(http: Http, times: int = 1) -> None:
    """Send so many requests, one after another, whatever is answered."""
    for _ in range(times):
        with suppress(ApiError):
            await http.request("GET", "/backups/")


def test_what_is_sent() -> None:
    script = Script([GOOD])
    script.run(lambda http: http.request("GET", "/backups/", params={"server_id": "a b&c"}))

    (request,) = script.requests
    assert str(request.url) == "https://vps.example/api/v1/backups/?server_id=a+b%26c"
    assert dict(request.headers) == {
        "host": "vps.example",
        "authorization": f"Bearer {TOKEN}",
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "cache-control": "no-cache",
        "connection": "keep-alive",
        "user-agent": "vps-reconcile",
    }
    assert request.extensions["timeout"]["connect"] == 10


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://xn--a.example/api/v1", "xn--a.example"),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_the_host_is_that_of_the_base_url(base_url: str, host: str) -> None:
    script = Script([GOOD])
    script.run(lambda http: http.request("GET", "/backups/"), base_url=base_url)

    assert script.requests[0].headers["Host"] == host


def test_cookies_are_not_sent_back() -> None:
    script = Script([httpx.Response(200, json={}, headers={"Set-Cookie": "session=1"})])
    script.run(lambda http: attempt(http, 2))

    assert "cookie" not in script.requests[1].headers


@pytest.mark.parametrize(
    ("age", "shown"),
    [("6", "6s"), ("3600", "1h"), ("9" * 400, "1d"), ("5", None), ("0", None), ("-9", None), ("x", None)],
)
def test_a_response_that_a_cache_has_kept_is_too_old(age: str, shown: str | None) -> None:
    answer = httpx.Response(200, json={}, headers={"Age": age})
    if not shown:
        get(answer)
        return
    with pytest.raises(OutcomeUnknownError, match=f"the response comes from a cache, and is {shown} old"):
        get(answer)


class TestDeadline:
    async def _never(self, _: httpx.Request) -> httpx.Response:
        await anyio.sleep(24 * 3600)
        return GOOD

    def test_ends_a_read_and_says_which(self) -> None:
        with pytest.raises(
            StoppedError, match=r"out of time while waiting for GET https://vps.example/api/v1/backups/"
        ):
            get(self._never, seconds=30)

    def test_ends_a_body_that_trickles(self) -> None:
        class Trickle(httpx.AsyncByteStream):
            async def __aiter__(self):  # type: ignore[no-untyped-def] # noqa: ANN204 - an async generator
                while True:
                    await anyio.sleep(1)
                    yield b" "

        script = Script([lambda _: httpx.Response(200, stream=Trickle())])

        with pytest.raises(StoppedError):
            script.run(attempt, seconds=30)

        assert script.elapsed == 30

    def test_a_single_request_has_its_own_bound(self) -> None:
        with pytest.raises(OutcomeUnknownError, match="no complete response within 180 seconds"):
            get(self._never)

    def test_ends_what_waits_for_its_turn(self) -> None:
        script = Script([self._never])

        async def use(http: Http) -> None:
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(wait, http)

        async def wait(http: Http) -> None:
            with pytest.raises(StoppedError):
                await http.request("GET", "/backups/")

        script.run(use, seconds=30, parallelism=2)

        assert (script.elapsed, len(script.requests)) == (30, 2)

    def test_an_answer_may_still_be_read_after_an_interrupt(self) -> None:
        """What became of a change whose answer was lost is looked up all the same."""
        script = Script([GOOD])

        async def use(http: Http) -> None:
            http.clock.stop(Stop.INTERRUPTED)
            await http.request("GET", "/backups/")

        script.run(use)

        assert len(script.requests) == 1


class TestPauses:
    @pytest.mark.parametrize(
        ("status", "headers", "pause"),
        [
            (429, {"Retry-After": "7"}, 7),
            (503, {"Retry-After": "Tue, 10 Mar 2026 12:00:30 GMT"}, 30),
            (429, {"Retry-After": "Tue, 10 Mar 2026 11:00:00 GMT"}, 0),
            (429, {}, 1),
            (429, {"Retry-After": "soon"}, 1),
            (503, {}, 0),
            (409, {"Retry-After": "7"}, 0),
            (500, {"Retry-After": "7"}, 0),
        ],
    )
    def test_a_limit_pauses_every_request(self, status: int, headers: dict[str, str], pause: float) -> None:
        script = Script([httpx.Response(status, headers=headers), GOOD])

        script.run(lambda http: attempt(http, 3))

        assert script.sent_at == [0, pause, pause]

    def test_an_unavailable_server_pauses_no_other_request(self) -> None:
        script = Script([httpx.Response(503, headers={"Retry-After": "7"}), GOOD])

        async def use(http: Http) -> None:
            with suppress(OutcomeUnknownError):
                await http.request("POST", "/backups/", json={})
            await http.request("GET", "/backups/")

        script.run(use)

        assert script.sent_at == [0, 0]

    def test_the_longest_of_several_counts(self) -> None:
        pauses = ["9", "3"]

        async def answer(_: httpx.Request) -> httpx.Response:
            await anyio.sleep(1)
            return httpx.Response(429, headers={"Retry-After": pauses.pop(0)}) if pauses else GOOD

        script = Script([answer])

        async def use(http: Http) -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(attempt, http)
                tasks.start_soon(attempt, http)
            await http.request("GET", "/backups/")

        script.run(use)

        assert script.sent_at == [0, 0, 10]

    def test_a_pause_beyond_the_deadline_ends_the_run_at_once_and_says_why(self) -> None:
        limited = httpx.Response(429, headers={"Retry-After": "3600"}, json={"detail": "Too fast."})
        script = Script([limited])

        with pytest.raises(
            StoppedError,
            match=r"while waiting 1h, as requested by the service .*Too fast\.\); --timeout leaves only 1min",
        ):
            script.run(lambda http: attempt(http, 2), seconds=60)

        assert (script.elapsed, len(script.requests), script.announced) == (0, 1, [])

    def test_a_long_pause_is_announced_once_and_a_short_one_is_not(self) -> None:
        def limited(seconds: int) -> httpx.Response:
            return httpx.Response(429, headers={"Retry-After": str(seconds)}, json={"detail": "Too fast."})

        script = Script([limited(5), limited(90), GOOD])

        script.run(lambda http: attempt(http, 3))

        (said,) = script.announced
        assert said.startswith("Waiting 1min 30s, as requested by the service: GET ")
        assert said.endswith("429 Too Many Requests: Too fast.")

    @pytest.mark.parametrize("value", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_a_pause_is_never_longer_than_a_day(self, value: str) -> None:
        with pytest.raises(BusyError) as busy:
            get(httpx.Response(429, headers={"Retry-After": value}), seconds=48 * 3600)

        assert busy.value.retry_after == 24 * 3600


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize(
        "location", ["https://evil.example/login", "/login", "http://xn--/", "https://[", "http://a:b:c/", "\u00e9"]
    )
    def test_are_never_followed(self, status: int, location: str) -> None:
        script = Script([httpx.Response(status, headers={b"Location": location.encode()})])

        with pytest.raises(FinalError) as refused:
            script.run(lambda http: http.request("GET", "/backups/"))

        assert f": {status} " in str(refused.value)
        assert f", redirected to {location}" in str(refused.value)
        assert len(script.requests) == 1

    @pytest.mark.parametrize(
        ("status", "headers", "problem"),
        [
            (304, {}, "unexpected response 304 Not Modified"),
            (304, {"Location": "/login"}, "unexpected response 304 Not Modified"),
            (302, {}, "unexpected response 302 Found"),
            (399, {}, "unexpected response 399"),
        ],
    )
    def test_other_answers_are_none(self, status: int, headers: dict[str, str], problem: str) -> None:
        with pytest.raises(FinalError, match=f"{problem}$") as refused:
            get(httpx.Response(status, headers=headers))

        assert refused.value.status == status


class TestSecrets:
    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(401, json={"detail": f"Invalid token {TOKEN}."}),
            httpx.Response(400, json={TOKEN: [f"Bearer {TOKEN}"]}),
            httpx.Response(302, headers={"Location": f"https://evil.example/?token={TOKEN}"}),
            httpx.RemoteProtocolError(f"illegal status line: {TOKEN}"),
            httpx.ConnectError(TOKEN),
            httpx.ProxyError(TOKEN),
        ],
    )
    def test_the_token_is_in_no_error(self, answer: Answer) -> None:
        with pytest.raises(ApiError) as raised:
            get(answer)

        assert TOKEN not in str(raised.value)
        assert TOKEN not in repr(raised.value.diagnostics)
        assert "***" in str(raised.value)

    def test_the_token_is_in_no_log(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "reconcile")
        script = Script([GOOD, httpx.ConnectError(TOKEN), GOOD])

        async def use(http: Http) -> None:
            answer = await http.request("GET", "/backups/", params={"echo": TOKEN})
            await attempt(http)
            await http.request("GET", http.link(answer, f"/backups/?page={TOKEN}"))

        script.run(use)

        assert TOKEN in script.urls[2]
        assert len(caplog.messages) == 3
        assert TOKEN not in caplog.text

    def test_nor_in_the_name_of_another_origin(self) -> None:
        script = Script([GOOD])

        async def use(http: Http) -> None:
            http.link(await http.request("GET", "/backups/"), f"https://{TOKEN}.evil.example/")

        with pytest.raises(FinalError, match=r"https://\*\*\*\.evil\.example "):
            script.run(use)


def test_a_text_of_the_service_is_cut_in_a_message() -> None:
    with pytest.raises(FinalError) as refused:
        get(httpx.Response(400, json={"detail": "x" * 499 + TOKEN * 1000}))

    assert len(str(refused.value)) < 600
    assert str(refused.value).endswith("x…")


@pytest.mark.parametrize("encoding", ["gzip, gzip", "deflate, gzip", "zstd", "br", "gzip\t,gzip"])
def test_only_what_was_asked_for_is_decoded(encoding: str) -> None:
    bomb = gzip.compress(gzip.compress(bytes(1024 * 1024)))

    with pytest.raises(OutcomeUnknownError, match="an encoding that was not requested"):
        get(lambda _: httpx.Response(200, stream=httpx.ByteStream(bomb), headers={"Content-Encoding": encoding}))


def test_what_decodes_to_too_much_is_refused_before_it_is_all_decoded() -> None:
    bomb = gzip.compress(bytes(200 * 1024 * 1024), 1)
    pieces = [bomb[start : start + 65536] for start in range(0, len(bomb), 65536)]

    class Pieces(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def] # noqa: ANN204 - an async generator
            for piece in pieces:
                yield piece

    tracemalloc.start()
    try:
        with pytest.raises(OutcomeUnknownError, match="larger than 64 MiB"):
            get(lambda _: httpx.Response(200, stream=Pieces(), headers={"Content-Encoding": "gzip"}))
        assert tracemalloc.get_traced_memory()[1] < 180 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("status", "detail", "advice"),
    [
        (403, "", "Give the token the permission"),
        (403, "You do not have permission to perform this action.", "Give the token the permission"),
        (403, "Token lacks scope servers:write", "Give the token the permission"),
        (403, "Backup limit reached: 3 of 3.", None),
        (403, "This backup is protected.", None),
        (404, "", "check the base URL"),
        (404, "Not found.", "check the base URL"),
        (404, "Server not found.", None),
        (401, "Invalid token.", "create a new one in the web panel"),
    ],
)
def test_advice_is_given_only_where_the_service_does_not_say_something_else(
    status: int, detail: str, advice: str | None
) -> None:
    with pytest.raises(FinalError) as refused:
        get(httpx.Response(status, json={"detail": detail} if detail else {}))

    (diagnostic,) = refused.value.diagnostics
    assert detail.removesuffix(".").casefold() in diagnostic.summary.casefold()
    assert advice in diagnostic.detail if advice else diagnostic.detail == ""


@pytest.mark.parametrize("value", [b"{}", b"0"])
def test_a_response_of_far_too_many_values_is_not_even_parsed(value: bytes) -> None:
    flood = b'{"count": 1, "results": [' + b",".join([value] * 3_000_002) + b"]}"

    with pytest.raises(OutcomeUnknownError, match="contains more than 3,000,000 values"):
        get(httpx.Response(200, content=flood))


def test_fifty_megabytes_are_taken_and_more_are_refused() -> None:
    get(httpx.Response(200, content=b" " * 50 * 1024 * 1024))

    with pytest.raises(OutcomeUnknownError, match="larger than 64 MiB"):
        get(httpx.Response(200, content=b" " * 65 * 1024 * 1024))
