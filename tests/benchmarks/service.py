"""A service on loopback, in a process of its own, so fast that it does not show in what is measured.

It lists one account in pages that are made before anything is measured, and knows no other request. Run as a script it
prints its base URL and serves until its standard input is closed.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from urllib.parse import urlencode

import httpx
from support.pages import page_of

from .fleet import backup_entries, server_entries
from .process import PYTHON, ROOT

SIZE, LARGEST_SIZE = 20, 100


@contextmanager
def service(servers: int, series: int, *, latency: float = 0.0, largest_page: int = LARGEST_SIZE) -> Iterator[str]:
    """Serve an account of so many servers with so many series each; yields the base URL."""
    figures = [str(figure) for figure in (servers, series, latency, largest_page)]
    process = subprocess.Popen(
        [PYTHON, "-m", "tests.benchmarks.service", *figures],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},  # for support/, as the tests have it
    )
    assert process.stdin
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


class _Pages:
    """The pages of every list, each as the whole response, made once for each size that is asked for."""

    def __init__(self, lists: dict[str, list[str]], largest: int) -> None:
        self._lists = {path: [json.loads(entry) for entry in entries] for path, entries in lists.items()}
        self._largest = largest
        self._made: dict[str, bytes] = {}
        self.origin = ""

    def answer(self, target: str) -> bytes:
        if target not in self._made:
            self._made[target] = self._make(target)
        return self._made[target]

    def prepare(self, target: str) -> None:
        """Make all pages from this one on."""
        while target:
            body = self.answer(target).partition(b"\r\n\r\n")[2]
            target = (json.loads(body)["next"] or "").removeprefix(self.origin)

    def _make(self, target: str) -> bytes:
        url = httpx.URL(self.origin + target)
        body = page_of(self._lists[url.path], url, largest=self._largest, default=SIZE).content
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Date: {formatdate(usegmt=True)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class _Connection(asyncio.Protocol):
    """Answers one request after another; none of them has a body."""

    def __init__(self, pages: _Pages, latency: float) -> None:
        self._pages = pages
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            answer = self._pages.answer(head.split(b" ", 2)[1].decode())
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._transport.write, answer)
            else:
                self._transport.write(answer)


async def _serve(arguments: argparse.Namespace) -> None:
    lists = {
        "/api/v1/backups/": backup_entries(arguments.servers, arguments.series),
        "/api/v1/servers/": server_entries(arguments.servers),
    }
    pages = _Pages(lists, arguments.largest)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(pages, arguments.latency), "127.0.0.1", 0)
    pages.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for path, filters in (("/api/v1/backups/", {"backup_type": "manual"}), ("/api/v1/servers/", {})):
        for size in (100, 1000):
            pages.prepare(f"{path}?{urlencode(filters | {'page_size': str(size)})}")
    print(f"{pages.origin}/api/v1", flush=True)  # noqa: T201 - what the parent process waits for
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Serve until standard input is closed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("servers", type=int)
    parser.add_argument("series", type=int)
    parser.add_argument("latency", type=float)
    parser.add_argument("largest", type=int)
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
