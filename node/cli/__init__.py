"""The command line `hansa`: one module a group of commands, loaded when it is used."""

from node.cli.root import main

__all__ = ["main"]
