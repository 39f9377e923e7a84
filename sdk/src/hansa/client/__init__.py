"""Clients of the API `/v1`: `Client` (plain) and `AsyncClient` (aiohttp, loaded when used)."""

from typing import TYPE_CHECKING

from hansa.client.events import FileCursor, LiveEvent, MemoryCursor
from hansa.client.plain import Client

if TYPE_CHECKING:
    from hansa.client.asynchronous import AsyncClient

__all__ = ["AsyncClient", "Client", "FileCursor", "LiveEvent", "MemoryCursor"]


def __getattr__(name: str) -> type["AsyncClient"]:
    """Load aiohttp only for those who ask for it: it takes a fifth of a second."""
    if name == "AsyncClient":
        from hansa.client.asynchronous import AsyncClient  # noqa: PLC0415

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
