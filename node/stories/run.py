"""Plays stories on a network: prepares once, then each story on a thread of its own.

The promise: what was asked for is played whatever became of the others, and every story says
how it went.
"""

import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hansa.client import Client
from hansa.trust import Trust
from node.stories.keyring import STORIES_FOLDER, Keyring
from node.stories.setting import Needs, Prepared, prepare
from node.stories.stage import Account, Stage, Story, perform
from node.stories.wire import Wire

TAG_BYTES = 3
"""Of a run's tag: two of a thousand runs on one network meet once in thirty times, and then the
chain refuses the second one's first id."""
AT_ONCE = 4
"""Stories played at once: they wait for blocks most of the time, and two cores serve the nodes."""


@dataclass(frozen=True, slots=True)
class Theatre:
    """Where stories are played.

    Attributes:
        api: the address of a node's API.
        home: the network's directory, with its keys.
        development: whether keys stand open there.
        trust: what proofs are verified against.
        folder: where proofs go; None: under the home.
        alone: whether that folder is for one story; else each has a folder in it.
        tell: takes the lines.
    """

    api: str
    home: Path
    development: bool
    trust: Trust
    folder: Path | None
    alone: bool
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Played:
    """A story and what is left of it."""

    story: Story
    account: Account
    folder: Path


def run(theatre: Theatre, stories: Sequence[Story]) -> tuple[Played, ...]:
    """Play stories.

    Raises:
        Rejected: what is needed before they begin cannot be made (`setting.prepare`).
        Unavailable: the network does not answer.
    """
    keys = Keyring(theatre.home, development=theatre.development)
    with Client(theatre.api) as client:
        prepared = prepare(Wire(client), keys, needs_of(stories))
    for line in prepared.made:
        theatre.tell(f"{'setting':<10}      {line}")
    tag = secrets.token_hex(TAG_BYTES)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(_play, theatre, keys, prepared, story, tag) for story in stories]
        return tuple(one.result() for one in waiting)


def needs_of(stories: Sequence[Story]) -> Needs:
    """What must be there for these stories."""
    return Needs(
        tuple(dict.fromkeys(one for story in stories for one in story.organisations)),
        tuple(dict.fromkeys(one for story in stories for one in story.profiles)),
        tuple(dict.fromkeys(one for story in stories for one in story.accredited)),
    )


def _play(theatre: Theatre, keys: Keyring, prepared: Prepared, story: Story, tag: str) -> Played:
    folder = theatre.folder
    if folder is None:
        folder = theatre.home / STORIES_FOLDER / f"{story.name}-{tag}"
    elif not theatre.alone:
        folder /= story.name
    with Client(theatre.api) as client:
        stage = Stage(
            story,
            Wire(client),
            keys,
            members=prepared.members,
            trust=theatre.trust,
            folder=folder,
            tag=tag,
            tell=theatre.tell,
        )
        return Played(story, perform(stage), folder)
