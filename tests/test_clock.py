"""One run, one deadline: what ends when, and with which error."""

import signal
from collections.abc import Awaitable, Callable

import anyio
import pytest
from support.virtual import VirtualClock, run_virtually

from reconcile.clock import Stop, StoppableClock, StoppedError


def run(block: Callable[[StoppableClock], Awaitable[None]], *, seconds: float = 60) -> float:
    """Run the block under the clock; return how many seconds it took."""

    async def session() -> float:
        started = VirtualClock().monotonic()
        async with StoppableClock(VirtualClock(), seconds=seconds) as clock:
            await block(clock)
        return VirtualClock().monotonic() - started

    return run_virtually(session)


def test_a_run_that_ends_in_time_does_not_wait_for_the_deadline() -> None:
    async def block(clock: StoppableClock) -> None:
        await clock.sleep(5)
        with clock.request():
            await anyio.sleep(5)

    assert run(block) == 10


def test_it_may_be_made_before_there_is_an_event_loop() -> None:
    clock = StoppableClock(VirtualClock(), seconds=60)

    async def session() -> None:
        async with clock:
            await clock.sleep(1)

    run_virtually(session)


def test_the_deadline_ends_waits_and_requests() -> None:
    async def wait(clock: StoppableClock) -> None:
        with pytest.raises(StoppedError, match="stopped: out of time") as stopped:
            await clock.sleep(3600)
        assert stopped.value.reason is Stop.DEADLINE

    async def request(clock: StoppableClock) -> None:
        with pytest.raises(StoppedError, match="stopped: out of time"), clock.request():
            await anyio.sleep(3600)

    assert run(wait) == 60
    assert run(request) == 60


def test_nothing_begins_after_the_deadline() -> None:
    async def block(clock: StoppableClock) -> None:
        await anyio.sleep(61)
        with pytest.raises(StoppedError):
            clock.checkpoint()
        with pytest.raises(StoppedError):
            await clock.sleep(0)
        with pytest.raises(StoppedError), clock.request():
            pytest.fail("the request was begun")

    run(block)


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_a_deadline_that_has_passed_already_ends_the_first_wait(seconds: float) -> None:
    async def block(clock: StoppableClock) -> None:
        with pytest.raises(StoppedError):
            await clock.sleep(1)

    assert run(block, seconds=seconds) == 0


def test_an_interrupt_ends_waits_but_no_request() -> None:
    answers: list[float] = []

    async def ask(clock: StoppableClock) -> None:
        with clock.request():
            await anyio.sleep(20)
            answers.append(clock.monotonic())

    async def block(clock: StoppableClock) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, clock)
            await anyio.sleep(10)
            clock.stop(Stop.INTERRUPTED)
            with pytest.raises(StoppedError, match="stopped: interrupted"):
                await clock.sleep(3600)

    assert run(block) == 20
    assert answers == [20]


def test_an_interrupt_ends_the_waits_of_every_task_at_once() -> None:
    stopped: list[float] = []

    async def wait(clock: StoppableClock) -> None:
        with pytest.raises(StoppedError):
            await clock.sleep(3600)
        stopped.append(clock.monotonic())

    async def block(clock: StoppableClock) -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(wait, clock)
            await anyio.sleep(7)
            clock.stop(Stop.INTERRUPTED)

    run(block)

    assert stopped == [7, 7, 7]


def test_a_block_that_is_interruptible_ends_with_an_interrupt() -> None:
    async def block(clock: StoppableClock) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_interrupt_after, clock, 10.0)
            with pytest.raises(StoppedError, match="stopped: interrupted"), clock.interruptible(), clock.request():
                await anyio.sleep(3600)

    assert run(block) == 10


async def _interrupt_after(clock: StoppableClock, seconds: float) -> None:
    await anyio.sleep(seconds)
    clock.stop(Stop.INTERRUPTED)


def test_at_the_deadline_an_interruptible_block_ends_with_the_error_of_what_it_waits_for() -> None:
    async def wait(clock: StoppableClock) -> None:
        try:
            with clock.request():
                await anyio.sleep(3600)
        except StoppedError as stopped:
            raise StoppedError(stopped.reason, "waiting for an answer") from None

    async def block(clock: StoppableClock) -> None:
        with pytest.raises(StoppedError, match="while waiting for an answer"), clock.interruptible():
            await wait(clock)

    assert run(block) == 60


def test_the_first_reason_stays_and_the_deadline_still_ends_requests() -> None:
    async def block(clock: StoppableClock) -> None:
        clock.stop(Stop.INTERRUPTED)
        with pytest.raises(StoppedError) as stopped, clock.request():
            await anyio.sleep(3600)
        assert (stopped.value.reason, clock.reason) == (Stop.INTERRUPTED, Stop.INTERRUPTED)

    assert run(block) == 60


def test_a_request_that_was_answered_at_the_last_moment_counts() -> None:
    async def block(clock: StoppableClock) -> None:
        with clock.request():
            clock.stop(Stop.DEADLINE)

    run(block)


def test_an_error_of_the_block_reaches_the_caller_in_no_group() -> None:
    async def block(clock: StoppableClock) -> None:
        await clock.sleep(1)
        raise KeyError("as it is")

    with pytest.raises(KeyError, match="as it is"):
        run(block)


def test_it_ends_with_the_scope_around_it() -> None:
    async def session() -> bool:
        with anyio.move_on_after(5) as scope:
            async with StoppableClock(VirtualClock(), seconds=60) as clock:
                await clock.sleep(3600)
        assert VirtualClock().monotonic() == 5
        return scope.cancelled_caught

    assert run_virtually(session)


def test_a_keyboard_interrupt_stays_one() -> None:
    async def block(clock: StoppableClock) -> None:
        signal.raise_signal(signal.SIGINT)
        await clock.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        run(block)


def test_what_was_cut_short_is_in_the_message() -> None:
    assert str(StoppedError(Stop.DEADLINE, "waiting for GET /backups/")) == (
        "stopped: out of time while waiting for GET /backups/"
    )
