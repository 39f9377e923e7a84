"""What the SDK's tests share."""

import pytest

from hansa.client import Client
from tests.unit.sdk.place import serving


@pytest.fixture
def server():
    """A chain behind the real API."""
    with serving() as server:
        yield server


@pytest.fixture
def node(server):
    """A plain client of it."""
    with Client(server.url) as node:
        yield node
