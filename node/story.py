"""The story of coffee that the demo tells: who takes part, and what happens in which order.

The data stand in `node/data/coffee/`: one EPCIS document a step, and `story.json`, which
says which member does it. All of it is our own, with the GS1 demo prefix 952.
"""

from importlib import resources

import msgspec


class StoryLegalId(msgspec.Struct, frozen=True):
    """A number in a register."""

    scheme: str
    value: str


class StoryMember(msgspec.Struct, frozen=True):
    """An organisation of the story; fields as in `hansa.genesis.Member`."""

    name: str
    names: dict[str, str]
    legal_id: StoryLegalId
    prefixes: tuple[str, ...] = ()
    glns: tuple[str, ...] = ()


class StoryEvent(msgspec.Struct, frozen=True):
    """A step: the document's file, who captures it, its event's id, what it is in words."""

    file: str
    member: str
    event: str
    en: str
    zh: str


class Story(msgspec.Struct, frozen=True):
    """A story: its members, its things and its steps in order."""

    name: str
    title: dict[str, str]
    members: tuple[StoryMember, ...]
    lot: str
    items: tuple[str, ...]
    box: str
    events: tuple[StoryEvent, ...]


def coffee() -> Story:
    """The story of two jars of coffee."""
    return msgspec.json.decode(_read("story.json"), type=Story)


def document_of(event: StoryEvent) -> bytes:
    """The EPCIS document of a step."""
    return _read(event.file)


def _read(name: str) -> bytes:
    return resources.files("node").joinpath("data", "coffee", name).read_bytes()
