"""Runs tasks at the same time, without the exception groups in which anyio raises their errors."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVarTuple

import anyio

from reconcile.diagnostics import UserError

Arguments = TypeVarTuple("Arguments")


@asynccontextmanager
async def beside(
    task: Callable[[*Arguments], Coroutine[Any, Any, None]], *arguments: *Arguments
) -> AsyncIterator[None]:
    """Run a task while the block runs. An error of the block is raised as it is, not in a group."""
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(task, *arguments)
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised again outside the task group, which would wrap it
            failure = error
        tasks.cancel_scope.cancel()
    if failure:
        raise failure


async def side_by_side(*jobs: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Run all jobs at once, and return their results in the same order.

    The first `UserError` ends the others, and is raised as it is, not in a group.
    """
    results: dict[int, Any] = {}
    errors: list[UserError] = []
    async with anyio.create_task_group() as tasks:

        async def run(number: int, job: Callable[[], Awaitable[Any]]) -> None:
            try:
                results[number] = await job()
            except UserError as error:
                errors.append(error)
                tasks.cancel_scope.cancel()

        for number, job in enumerate(jobs):
            tasks.start_soon(run, number, job)
    if errors:
        raise errors[0]
    return [results[number] for number in range(len(jobs))]
