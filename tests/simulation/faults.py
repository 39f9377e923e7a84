"""Faults of links and clocks, as the swarm of `tests/simulation/chaos.py` combines them.

The promise: a message is lost, delayed, repeated or held back, never changed; a clock runs
fast, slow, ahead or behind, its processed time never goes back. All chance is an argument.
"""

from dataclasses import dataclass

from p2p.frames import CONSENSUS, TRANSACTIONS

TAGS = {1: "pre-prepare", 3: "view-change", 4: "new-view", 5: "decided", 7: "fresh"}
PHASES = {2: "prepare", 3: "commit"}
WORDS = ("pre-prepare", "prepare", "commit", "view-change", "new-view", "decided")
"""What a swarm may lose most of, one at a time."""
BACKLOG_MS = 4_000
"""A link or a reader that is so far behind has a full queue: what comes then is dropped."""


def word_of(kind, message):
    """What a message is, from its first bytes."""
    if kind == CONSENSUS:
        if message[0] == 2:
            return PHASES[message[2]]
        return TAGS.get(message[0], "hint")
    return "transactions" if kind == TRANSACTIONS else "bulk"


# -- partitions: sets of directed links (from, to) that are cut ----------------------------------


def between(group, places):
    """All links between a group and the others."""
    inside = set(group)
    return {(a, b) for a in places for b in places if (a in inside) != (b in inside)}


def isolate(places, chance):
    """One place alone."""
    return between([chance.choice(places)], places)


def halves(places, chance):
    """Two groups."""
    return between([place for place in places if chance.random() < 0.5], places)


def ring(places, chance):
    """Everybody sees a majority, nobody sees the same one."""
    order = list(places)
    chance.shuffle(order)
    size = len(order)
    reach = max(1, -(-(2 * size // 3) // 2))
    near = {
        (order[at], order[(at + step) % size]) for at in range(size) for step in range(1, reach + 1)
    }
    return {
        (a, b) for a in places for b in places if a != b and not {(a, b), (b, a)} & near
    } or isolate(places, chance)


def one_way(places, chance):
    """A group hears the others and is not heard, or the other way round."""
    inside = {place for place in places if chance.random() < 0.5} or {places[0]}
    outwards = chance.random() < 0.5
    return {(a, b) for a, b in between(inside, places) if (a in inside) == outwards} or isolate(
        places, chance
    )


def bridge(places, chance):
    """Two groups that one place sees both of."""
    over = chance.choice(places)
    return {link for link in halves(places, chance) if over not in link}


PARTITIONS = {
    "isolate": isolate,
    "halves": halves,
    "ring": ring,
    "one-way": one_way,
    "bridge": bridge,
}


class Network:
    """The links between all places; `clean` makes them good again.

    Attributes:
        loss: share of all messages that are lost.
        loss_of: the same for single kinds of messages.
        duplicates: share of messages that come twice.
        is_ordered: messages of a link arrive in the order in which they were sent.
        heavy: share of messages that take much longer.
        capacity: bytes a millisecond that a link carries, or None.
        readers: place -> how many milliseconds it needs for each message.
        apart: whether a scheduler gives each vote to one favourite first and late to the others.
    """

    def __init__(self, chance):
        self.chance = chance
        self.partitions = {}
        self.clogged = {}
        self._last, self._busy, self._read, self._generation = {}, {}, {}, {}
        self._favourites = {}
        self.clean()

    def clean(self):
        """Every link is open, quick and keeps its order again."""
        self.partitions.clear()
        self.clogged.clear()
        for seen in (self._last, self._busy, self._read):
            seen.clear()
        self.loss, self.loss_of, self.duplicates, self.heavy = 0.0, {}, 0.0, 0.0
        self.is_ordered, self.capacity, self.readers, self.apart = True, None, {}, False

    def is_cut(self, link):
        """Whether nothing passes."""
        return any(link in cut for cut in self.partitions.values())

    def reset(self, link):
        """The connection of two places breaks: what is on the way is lost."""
        pair = (min(link), max(link))
        self._generation[pair] = self._generation.get(pair, 0) + 1

    def generation(self, link):
        """Which connection of the two it is."""
        return self._generation.get((min(link), max(link)), 0)

    def arrivals(self, link, word, size, now):
        """The times at which a message that is sent now arrives; none when it is lost."""
        chance = self.chance
        if self.is_cut(link) or chance.random() < self.loss:
            return []
        if word in self.loss_of and chance.random() < self.loss_of[word]:
            return []
        copies = 2 if self.duplicates and chance.random() < self.duplicates else 1
        found = [self._arrival(link, word, size, now) for _ in range(copies)]
        return [at for at in found if at is not None]

    def _arrival(self, link, word, size, now):
        chance = self.chance
        at = now + 1 + chance.randrange(15)
        if self.heavy and chance.random() < self.heavy:
            at += min(5_000, int(20 * chance.paretovariate(0.7)))
        if self.capacity:
            free = max(now, self._busy.get(link, 0)) + size // self.capacity
            if free > now + BACKLOG_MS:
                return None
            self._busy[link] = free
            at = max(at, free)
        at = max(at, self.clogged.get(link, 0))
        if self.apart and word in {"prepare", "commit"}:
            at += self._held_back(link[1], word, now)
        slow = self.readers.get(link[1], 0)
        if slow:
            at = max(at, self._read.get(link[1], 0)) + slow
            if at > now + BACKLOG_MS:
                return None
            self._read[link[1]] = at
        if self.is_ordered:
            at = max(at, self._last.get(link, 0))
            self._last[link] = at
        return at

    def _held_back(self, target, word, now):
        """For a second at a time one place is the only one that votes reach at once."""
        moment = (word, now // 1_000)
        if moment not in self._favourites:
            late_ms = 500 + self.chance.randrange(2_500)
            self._favourites[moment] = (self.chance.randrange(64), late_ms)

        favourite, late = self._favourites[moment]
        return 0 if target % 4 == favourite % 4 else late


@dataclass
class Clock:
    """Processed time runs at `rate` percent, wall time is off by `ahead_ms`."""

    rate: int = 100
    ahead_ms: int = 0
    _since: int = 0
    _mono: int = 0

    def mono_ms(self, now):
        """Processed time."""
        return self._mono + (now - self._since) * self.rate // 100

    def due(self, mono_ms):
        """When processed time is that."""
        return self._since + -(-(mono_ms - self._mono) * 100 // self.rate)

    def run_at(self, rate, now):
        """From now on it runs faster or slower."""
        self._mono, self._since, self.rate = self.mono_ms(now), now, rate

    def lose(self, lost_ms):
        """Time in which the process stood still does not count (`node.clock.ProcessedClock`)."""
        self._mono -= lost_ms
