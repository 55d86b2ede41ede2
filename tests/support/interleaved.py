"""Two programs on one account whose requests go in an order that a list of decisions says: every order can be tried.

Reads commute, so only the writes are placed: where a program is about to write, either it goes first, or it is held
until the other one's next request has been carried out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import anyio
import httpx

from support.world import ACCESS, World

Decisions = tuple[bool, ...]
_EPSILON = 0.02
"""Virtual seconds after which the turns are looked at again. A program that waits for nothing takes none."""


@dataclass(eq=False)
class _Pending:
    request: httpx.Request
    go: anyio.Event = field(default_factory=anyio.Event)
    done: anyio.Event = field(default_factory=anyio.Event)


@dataclass
class Turns:
    """Lets the requests of two programs through; `decisions` are used up one by one, then the answer is "go first"."""

    decisions: Decisions
    taken: int = 0
    pending: tuple[list[_Pending], list[_Pending]] = field(default_factory=lambda: ([], []))
    running: set[int] = field(default_factory=lambda: {0, 1})

    def decide(self) -> bool:
        """Return the next decision: True to hold the write back."""
        holds = self.taken < len(self.decisions) and self.decisions[self.taken]
        self.taken += 1
        return holds

    async def run(self) -> None:
        """Let requests through until both programs have ended."""
        while self.running:
            await anyio.sleep(_EPSILON)
            for program, other in ((0, 1), (1, 0)):
                if self.pending[program]:
                    await self._serve(program, other)
                    break

    async def _serve(self, program: int, other: int) -> None:
        first = self.pending[program][0]
        if first.request.method != "GET" and other in self.running and self.decide():
            while other in self.running and not self.pending[other]:
                await anyio.sleep(_EPSILON)
            if self.pending[other]:
                await self._let_through(other)
                return
        await self._let_through(program)

    async def _let_through(self, program: int) -> None:
        pending = self.pending[program].pop(0)
        pending.go.set()
        await pending.done.wait()


class TurnTransport(httpx.AsyncBaseTransport):
    """The network of one of the two programs."""

    def __init__(self, world: World, turns: Turns, program: int) -> None:
        self._world, self._turns, self._program = world, turns, program

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pending = _Pending(request)
        self._turns.pending[self._program].append(pending)
        try:
            await pending.go.wait()
            return await self._world.send(request)
        finally:  # also where the program gives a request up that has not had its turn
            pending.done.set()
            if pending in self._turns.pending[self._program]:
                self._turns.pending[self._program].remove(pending)


def all_decisions(taken: dict[Decisions, int]) -> Iterator[Decisions]:
    """Yield every list of decisions, depth first; the caller notes in `taken` how many each one used."""
    decisions: Decisions = ()
    while True:
        yield decisions
        full = [*decisions, *(False,) * (taken[decisions] - len(decisions))]
        while full and full[-1]:
            full.pop()
        if not full:
            return
        full[-1] = True
        decisions = tuple(full)


def run(world: World, decisions: Decisions) -> int:
    """Apply from two machines at once, in the order that the decisions say; return how many decisions there were.

    Raises:
        Crash: as the world's faults say.
    """
    turns = Turns(decisions)

    async def program(number: int) -> None:
        try:
            await world.converge(ACCESS, world.clock, transport=TurnTransport(world, turns, number))
        finally:
            turns.running.discard(number)

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(turns.run)
            for number in (0, 1):
                tasks.start_soon(program, number)

    world.run(both)
    return turns.taken
