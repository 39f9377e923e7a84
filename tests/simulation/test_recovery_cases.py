"""What a node does that lost its memory, its disk, its way or its mind: one case a test.

Whatever it is, nobody says a second thing (the witness of every simulation listens), nobody
forks, and the node serves again as soon as that is safe.
"""

import copy

import pytest

from consensus.guard import slot_of
from consensus.messages import PrePrepare, Vote
from hansa.errors import Corrupt, Rejected
from hansa.votes import COMMIT
from node.parts import ABSTAIN_FOR_NOW, AMNESIA_HEIGHTS
from node.sync_messages import Blocks, Status, SyncBlock, decode_sync, encode_sync
from p2p.frames import BULK
from storage.kv import MemoryStore
from storage.memory_files import MemoryFiles
from tests.simulation.clients import Heard, document

SEEDS = {
    "test_a_wal_from_a_backup_makes_nobody_say_a_second_thing": range(8),
    "test_a_home_from_a_backup_makes_nobody_say_a_second_thing": range(8),
    "test_a_start_signs_nothing_and_says_the_same_bytes": range(12),
}
ME = 0
"""The node of each case: with the lowest index, so that certificates hold its votes."""


def height_of(message):
    """The height that signed words speak of."""
    slot = slot_of(message)
    return message.height if slot is None else slot.height


def remove(files, *logs):
    """Take whole logs away."""
    for name in files.names():
        if name.startswith(logs):
            files.delete(name)


# -- lost, damaged and old logs --------------------------------------------------------------


def abstains_until_safe(sim):
    """A node without memory says nothing about heights that it may have voted on; then it votes."""
    since, highest = sim.time, sim.top
    sim.bring_back(ME)
    assert sim.hosts[ME].node.driver.replica.abstain_through == ABSTAIN_FOR_NOW

    votes_anew(sim, since)

    # What its vote log still held it may repeat; what is new lies above all that it lost.
    assert min(map(height_of, sim.new_words(ME, since))) > highest + AMNESIA_HEIGHTS


def votes_anew(sim, since):
    """A node comes to the head, takes part again, and nobody said a second thing."""
    sim.until(lambda: len([m for m in sim.new_words(ME, since) if type(m) is Vote]) > 20)
    sim.until(lambda: sim.follows(ME))
    sim.check_equal_prefix()


def test_a_node_that_lost_its_logs_abstains_until_it_is_safe():
    sim = Heard(1).busy(8)
    sim.take_away(ME)
    remove(sim.hosts[ME].files, "votes", "guard", "mempool")

    abstains_until_safe(sim)


def test_a_node_that_lost_its_guard_abstains_until_it_is_safe():
    sim = Heard(2).busy(8)
    sim.take_away(ME)
    remove(sim.hosts[ME].files, "guard")

    abstains_until_safe(sim)


def test_a_node_that_lost_its_whole_disk_comes_back():
    sim = Heard(3).busy(20)
    sim.take_away(ME)
    host = sim.hosts[ME]
    host.files, host.store = MemoryFiles(), MemoryStore()

    abstains_until_safe(sim)


def test_a_node_that_lost_its_vote_log_goes_on_by_its_guard():
    sim = Heard(4).busy(8)
    sim.take_away(ME)
    remove(sim.hosts[ME].files, "votes")
    since = sim.time

    sim.bring_back(ME)

    assert sim.hosts[ME].node.driver.replica.abstain_through == 0
    votes_anew(sim, since)


@pytest.mark.parametrize("log", ["votes", "guard", "mempool"])
def test_a_log_that_is_damaged_in_the_middle_stops_the_start(log):
    sim = Heard(5).busy(8)
    sim.take_away(ME)
    files = sim.hosts[ME].files
    name = [name for name in files.names() if name.startswith(log)][-1]
    files.flip(name, 8 * (len(files.read(name)) // 2))

    with pytest.raises(Corrupt, match="damaged") as caught:
        sim.bring_back(ME)

    # The way out that the message names: the log away, and the node starts.
    assert caught.value.code == "wal.corrupt"
    assert "move" in caught.value.hint
    remove(files, log)
    since = sim.time
    sim.bring_back(ME)
    votes_anew(sim, since)


def build_and_die(sim, *, own):
    """The node dies in the moment in which it has proposed, or voted, at a fresh height."""
    kind = PrePrepare if own else Vote
    since = sim.time
    sim.until(lambda: sim.words(ME, since, kind))
    sim.take_away(ME)


@pytest.mark.parametrize("own", [True, False], ids=["as-primary", "as-backup"])
def test_a_wal_from_a_backup_makes_nobody_say_a_second_thing(seed, own):
    """Logs of some heights ago beside the store of today: the memory is older than the votes."""
    sim = Heard(100 + seed).busy(5)
    backup = copy.deepcopy(sim.hosts[ME].files)
    sim.until(lambda: sim.top >= 9)
    build_and_die(sim, own=own)

    sim.hosts[ME].files = backup
    since = sim.time
    sim.bring_back(ME)

    votes_anew(sim, since)


@pytest.mark.parametrize("own", [True, False], ids=["as-primary", "as-backup"])
def test_a_home_from_a_backup_makes_nobody_say_a_second_thing(seed, own):
    """Logs and store of some heights ago: what it signed since stands in others' certificates."""
    sim = Heard(200 + seed).busy(5)
    host = sim.hosts[ME]
    files, store = copy.deepcopy(host.files), copy.deepcopy(host.store)
    sim.until(lambda: sim.top >= 9)
    build_and_die(sim, own=own)

    host.files, host.store = files, store
    since = sim.time
    sim.bring_back(ME)

    votes_anew(sim, since)


def test_a_start_signs_nothing_and_says_the_same_bytes(seed):
    """Replay gives state back and sends what is stored; it never signs again."""
    sim = Heard(300 + seed).busy(3 + seed % 4)
    sim.run(sim.time + sim.names.randrange(60))
    sim.take_away(ME, "kept" if seed % 2 else "lost")
    before = {message for _, who, message in sim.said if who == ME}

    sim.bring_back(ME)

    driver, since = sim.hosts[ME].node.driver, sim.time
    assert driver.signer.signed == 0
    sim.turn(sim.hosts[ME])
    assert driver.signer.signed == 0
    repeated = sim.words(ME, since - 1)
    assert {m for m in repeated if height_of(m) == driver.replica.height} <= before | stored(sim)
    sim.until(lambda: sim.follows(ME))


def stored(sim):
    """Own words that are durable and were perhaps never said."""
    return set(sim.hosts[ME].node.driver.replica.state.own.values())


# -- block sync ------------------------------------------------------------------------------


def test_a_node_one_block_behind_on_an_idle_chain_comes_to_the_head():
    """Nothing is pending, nobody votes: it is told the head, not a vote."""
    sim = Heard(6)
    sim.give(sim.sign(document(0)))
    sim.until(lambda: sim.heights() == [1, 1, 1, 1])
    sim.partition([ME])
    sim.give(sim.sign(document(1)), place=1)
    sim.until(lambda: sim.heights() == [1, 2, 2, 2])
    sim.run(sim.time + 20_000)

    sim.cut.clear()

    back = sim.time
    sim.until(lambda: sim.follows(ME))
    assert sim.time - back <= 5_000
    assert not sim.met["view-change"] or sim.heights() == [2, 2, 2, 2]


def chain_of(sim, height):
    """A chain that grows under load while one node is away; blocks a second."""
    sim.busy(2)
    sim.take_away(ME)
    begun, low = sim.time, sim.top
    sim.until(lambda: sim.top >= height, within=600_000)
    return (sim.top - low) * 1_000 / (sim.time - begun)


def test_a_node_far_behind_catches_up_while_blocks_come():
    """Blocks come as fast as this network can decide them; it still gains on them."""
    sim = Heard(7)
    rate = chain_of(sim, 120)

    sim.bring_back(ME)
    begun, low = sim.time, sim.ledger(ME).head.height
    sim.until(lambda: sim.follows(ME))

    caught_up = (sim.ledger(ME).head.height - low) * 1_000 / (sim.time - begun)
    assert caught_up >= 3 * rate
    sim.until(lambda: sim.words(ME, begun, Vote))
    sim.check_equal_prefix()


class LyingServer(Heard):
    """One node answers every request for blocks with a lie, and claims heights that are not."""

    liar = 1

    def __init__(self, seed, lie):
        self.lie, self.lies = lie, 0
        super().__init__(seed)

    def send(self, source, target, kind, message):
        """What the liar says about blocks is changed on its way."""
        if source.index == self.liar and kind == BULK:
            message = self.twist(message)
        super().send(source, target, kind, message)

    def twist(self, message):
        """The lie."""
        try:
            decoded = decode_sync(message)
        except Rejected:
            return message  # bodies travel on the same kind
        if isinstance(decoded, Status) and self.lie == "height":
            self.lies += 1
            return encode_sync(Status(10**9, decoded.block_hash))
        if not isinstance(decoded, Blocks) or not decoded.blocks:
            return message
        self.lies += 1
        return encode_sync(Blocks(decoded.from_height, self.changed(decoded.blocks)))

    def changed(self, blocks):
        """Blocks as the liar gives them."""
        first = blocks[0]
        match self.lie:
            case "nothing":
                return ()
            case "block":
                broken = bytearray(first.block)
                broken[len(broken) // 2] ^= 1
                return (SyncBlock(bytes(broken), first.certificate), *blocks[1:])
            case "certificate":
                broken = first.certificate[:-1] + bytes([first.certificate[-1] ^ 1])
                return (SyncBlock(first.block, broken), *blocks[1:])
            case "order":
                return tuple(reversed(blocks))
            case _:
                return blocks


@pytest.mark.parametrize("lie", ["nothing", "block", "certificate", "order", "height"])
def test_a_lying_sync_server_is_left_aside(lie):
    sim = LyingServer(9, lie)
    chain_of(sim, 60)

    sim.bring_back(ME)
    sim.until(lambda: sim.follows(ME), within=60_000)

    assert sim.lies
    sim.check_equal_prefix()
    bans = sim.hosts[ME].node.driver.sync_machine._bans
    assert ("n01" in bans) == (lie in {"block", "certificate", "order"})


def test_commits_of_a_lost_log_are_heard_by_the_witness():
    """The witness of these cases sees: a node that forgets all and votes again is caught."""
    sim = Heard(11).busy(5)
    since = sim.time
    sim.until(lambda: [v for v in sim.words(ME, since, Vote) if v.phase == COMMIT])
    vote = sim.words(ME, since, Vote)[-1]
    other = type(vote)(
        vote.phase, vote.epoch, vote.height, vote.view, b"o" * 32, vote.signer, vote.signature
    )

    with pytest.raises(AssertionError, match="said two things"):
        sim.witness.hear(other)
