"""The networks of real processes, for every test of this folder."""

from tests.integration.network import network

__all__ = ["network"]
