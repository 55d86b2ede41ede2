"""Tasks side by side: whose error reaches the caller, and that nothing goes on afterwards."""

import anyio
import pytest
from support.virtual import run_virtually

from reconcile.diagnostics import UserError
from reconcile.tasks import beside, side_by_side


def test_a_task_beside_a_block_runs_until_the_block_ends() -> None:
    ticks: list[str] = []

    async def tick(text: str) -> None:
        while True:
            ticks.append(text)
            await anyio.sleep(1)

    async def block() -> None:
        async with beside(tick, "tick"):
            await anyio.sleep(2.5)
        await anyio.sleep(10)

    run_virtually(block)

    assert ticks == ["tick"] * 3


def test_an_error_of_the_block_is_raised_as_it_is() -> None:
    async def block() -> None:
        async with beside(anyio.sleep, 3600):
            await anyio.sleep(1)
            raise ValueError("of the block")

    with pytest.raises(ValueError, match="of the block"):
        run_virtually(block)


def test_the_first_user_error_of_one_job_ends_the_others_and_is_raised_as_it_is() -> None:
    done: list[str] = []

    async def slow() -> None:
        await anyio.sleep(3600)
        done.append("slow")

    async def quick() -> None:
        done.append("quick")

    async def fails() -> None:
        await anyio.sleep(1)
        raise UserError("of one job")

    async def block() -> None:
        await side_by_side(slow, quick, fails)

    with pytest.raises(UserError, match="of one job"):
        run_virtually(block)
    assert done == ["quick"]
