"""Where a process may end: between any two lines that matter, as a plan of the seed says.

The promise: every place of `POINTS` is one that whole nodes come to, each run tries few of
them often, and a crash in the middle of a start comes up to three times in a row.
"""

SIGNED = ("pre-prepare", "prepare", "commit", "view-change", "new-view")

POINTS = (
    "begin",  # inputs wait, nothing of the turn was written
    *(f"sync {word}" for word in SIGNED),  # signed and appended, one log or more not durable
    *(f"synced {word}" for word in SIGNED),  # durable, nothing sent
    *(f"send {word}" for word in SIGNED),  # sent to some
    "sync other",  # the mempool's journal
    "synced other",
    "send transactions",
    "send bulk",
    "job BuildJob",  # built by nobody yet
    "answered BuildJob",  # built, nothing of it written
    "job RunJob",
    "answered RunJob",  # executed, no PREPARE yet
    "job CommitJob",  # decided, not executed or not written
    "store",  # before the one batch of a block
    "stored",  # after it: the core does not know
    "answered CommitJob",
    "job ApplyJob",  # block sync
    "answered ApplyJob",
    "job ServeJob",
    "file append",  # between the bytes of two logs
    "file sync",  # written, not durable
    "file replace",  # a new segment
    "file snapshot",  # the journal is begun anew with all that still waits
    "file delete",  # an old segment goes
    "recovery read",  # while a start reads or rewrites its logs
    "recovery replace",
    "recovery snapshot",
    "recovery store",
    "epoch",  # the block that changed the set is the head
)
RARE = {"begin": 0.002, "file append": 0.01, "file sync": 0.01, "sync other": 0.05}
"""Places that are come to so often that a run would do nothing but crash."""
IN_A_ROW_MAX = 3


class CrashPlan:
    """Which places a run's processes die at, how probably, how often."""

    def __init__(self, chance):
        self.chance = chance
        self.odds, self.left = {}, {}
        for point in chance.sample(POINTS, chance.choice((2, 4, 8))):
            self.odds[point] = RARE.get(point, chance.choice((0.05, 0.2, 0.5)))
            self.left[point] = 1 + chance.randrange(3)
        self.in_a_row = {}

    def hits(self, index, point):
        """Whether the process at `index` dies here."""
        odds = self.odds.get(point)
        if odds is None or self.chance.random() >= odds:
            return False
        if point.startswith("recovery"):
            row = self.in_a_row[index] = self.in_a_row.get(index, 0) + 1
            return row <= IN_A_ROW_MAX
        self.left[point] -= 1
        return self.left[point] >= 0

    def started(self, index):
        """A start came through: the next may fail three times again."""
        self.in_a_row.pop(index, None)
