"""Ends everything that waits when the node stops, so that a stop takes no longer than a reply."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Closing:
    """Known to every handler that waits for the chain."""

    def __init__(self) -> None:
        self.closed = False
        self._waits: set[asyncio.Timeout] = set()

    def close(self) -> None:
        """End all waits, and those that come later at once."""
        self.closed = True
        now = asyncio.get_running_loop().time()
        for wait in self._waits:
            wait.reschedule(now)

    async def until(self, result: Awaitable[T]) -> T | None:
        """The result, or None when the node stops before it is there."""
        wait = asyncio.timeout(0 if self.closed else None)
        self._waits.add(wait)
        try:
            async with wait:
                return await result
        except TimeoutError:
            return None
        finally:
            self._waits.discard(wait)
