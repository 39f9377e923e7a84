"""The stories: twelve things that organisations do together, each with frauds that are refused.

The promise: a story is played over HTTP with the SDK alone, as signed transactions of the
organisations that it names; it ends well only if every step went as told and every fraud was
refused with the code that the story gives.

How to write one. A module of this folder holds `play` and `STORY`, and `STORIES` below names it:

    def play(stage: Stage) -> None:
        receipt = stage.id("R1")                      # fresh in every run: "R1-3f9c2a"
        stage.do(
            f"issues {receipt} to the trader",        # the line that is narrated, after the names
            [("asset", "issue", {"id": receipt, ...})],
            WAREHOUSE, TRADER,                        # who sign; the first one is the sender
        )
        deliver = stage.on("asset", "act", receipt, action="deliver")     # version filled in
        stage.refused("deliver pledged goods", "HELD", [deliver], TRADER, WAREHOUSE)
        stage.check(stage.record("asset", receipt)["controller"] == TRADER.name, "the trader's")
        stage.prove("the receipt", f"asset/record/{receipt}")             # what is there
        stage.prove("no pledge", f"asset/held/{receipt}")                 # or is not there

    STORY = Story(
        name="receipt",
        title={"zh": "可信仓单", "en": "A warehouse receipt"},
        organisations=(WAREHOUSE, TRADER, BANK),      # node/stories/cast.py, or your own
        profiles=("warehouse.stock@1", "warehouse.receipt@1"),
        accredited=(("lender", BANK),),               # types of `cred` that members must have
        frauds={"deliver pledged goods": "HELD"},     # exactly what `refused` plays
        play=play,
    )

What else a stage can do: `together` submits steps that do not rest on each other and waits once;
`event` makes the call that captures an EPCIS event; `paper` registers a document of a kind; `say`
and `warn` narrate; `until` waits for what the chain's clock does; `enrol` gives an organisation a
person, a device or a service with a key; `key` is a key of the story's own that the chain does
not know, `admin` the one with which an organisation decides about its own people; `prove_tx` keeps
the proof of a transaction. Each fraud's proof and receipt are kept by themselves. Organisations,
keys, profiles and accreditations are there before `play` starts (node/stories/setting.py). Nothing
here imports `ledger`.

How it is tested: tests/integration/story_chain.py serves a real chain of one node with a rule
switched off; a row of tests/integration/story_switches.py names, for each fraud, the switch
without which the story fails, and tests/integration/test_stories.py plays them all.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from hansa.errors import Rejected

if TYPE_CHECKING:
    from node.stories.stage import Story

NAMES = (
    "coffee", "cold", "ebl", "recon", "receipt", "voucher", "evidence", "credit", "sharing",
    "labour", "ai", "city",
)  # fmt: skip
"""Names of the stories in the order of telling; each is a module of this folder."""


def story(name: str) -> "Story":
    """A story by its name.

    Raises:
        Rejected: ``story.unknown``.
    """
    if name not in NAMES:
        raise Rejected(
            "story.unknown", f"there is no story {name!r}", f"choose of: {', '.join(NAMES)}, all"
        )
    found: Story = import_module(f"node.stories.{name}").STORY
    return found


def stories(name: str) -> tuple["Story", ...]:
    """The story of a name, or all of them for ``all``.

    Raises:
        Rejected: ``story.unknown``.
    """
    return tuple(map(story, NAMES)) if name == "all" else (story(name),)
