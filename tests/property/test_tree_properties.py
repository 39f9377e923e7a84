"""The state tree against its definition typed out, through any history of blocks."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hansa.state_proof import (
    EMPTY,
    PAGE_ENTRIES_MAX,
    inner_hash,
    key_hash,
    nibble,
    page_hash,
    value_hash,
)
from ledger.tree import Tree

KEYS = [b"key/%d" % number for number in range(150)]


def defined_root(entries, depth=0):
    """spec/state.md, section 2, typed out."""
    if not entries:
        return EMPTY
    if len(entries) <= PAGE_ENTRIES_MAX:
        return page_hash(b"".join(hashed + entries[hashed] for hashed in sorted(entries)))
    return inner_hash(
        [
            defined_root(
                {h: v for h, v in entries.items() if nibble(h, depth) == branch}, depth + 1
            )
            for branch in range(16)
        ]
    )


class Blocks(RuleBasedStateMachine):
    """Blocks of random changes; the tree, its pages and a plain dictionary side by side."""

    def __init__(self):
        super().__init__()
        self.pages, self.state = {}, {}
        self.tree = Tree(self.pages)
        self.before = (EMPTY, {}, {})

    def commit(self, changes):
        undo = {key: self.state.get(key) for key in changes}
        self.before = (self.tree.root, undo, dict(self.state))
        staged = self.tree.stage(changes)
        for key, page in staged.writes.items():
            if page is None:
                self.pages.pop(key, None)
            else:
                self.pages[key] = page
        self.tree.adopt(staged)
        for key, value in changes.items():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value

    @rule(
        changes=st.dictionaries(
            st.sampled_from(KEYS), st.none() | st.binary(max_size=3), max_size=12
        )
    )
    def a_small_block(self, changes):
        self.commit(changes)

    @rule(first=st.integers(0, 149), count=st.integers(1, 150), value=st.binary(max_size=2))
    def a_block_that_fills(self, first, count, value):
        self.commit(dict.fromkeys(KEYS[first : first + count], value))

    @rule(first=st.integers(0, 149), count=st.integers(1, 150))
    def a_block_that_empties(self, first, count):
        self.commit(dict.fromkeys(KEYS[first : first + count]))

    @rule(key=st.sampled_from(KEYS))
    def ask_for_a_proof(self, key):
        value = self.state.get(key)
        expected = None if value is None else value_hash(value)

        assert self.tree.prove(key).verify(self.tree.root, key) == expected

    @rule(key=st.sampled_from(KEYS))
    def ask_for_a_proof_of_the_height_before(self, key):
        root, undo, state = self.before
        value = state.get(key)
        expected = None if value is None else value_hash(value)

        assert self.tree.prove(key, undo).verify(root, key) == expected

    @rule()
    def restart(self):
        root = self.tree.root
        self.tree = Tree.load(self.pages, self.pages.items())

        assert self.tree.root == root

    @invariant()
    def the_root_is_the_defined_one(self):
        entries = {key_hash(key): value_hash(value) for key, value in self.state.items()}

        assert self.tree.root == defined_root(entries)
        assert self.tree.count == len(entries)


TestBlocks = Blocks.TestCase
TestBlocks.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
