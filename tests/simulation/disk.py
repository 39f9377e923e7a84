"""Disks of the simulated world that can be hooked, fail while they are used, and be damaged.

The promise: what fails fails as `storage.memory_files` and the product's own errors have it;
after a failure nothing of that process may touch the disk again, which is checked here; each
way to damage a disk says what promise of the disk it breaks.
"""

from contextlib import contextmanager

from storage.errors import DiskFailed, disk_failed
from storage.kv import MemoryStore
from storage.memory_files import MemoryFiles
from storage.wal import MARKER

SURE_BATCHES = 2
"""Behind damage one batch may have been cut by the crash before it, so that it proves nothing."""


class HookedFiles(MemoryFiles):
    """Files whose every use is a place to die at, and which know when they have failed."""

    def __init__(self, reach):
        super().__init__()
        self._reach = reach
        self.failed = False

    def holds(self, prefix, needle):
        """Whether bytes are durable in a log."""
        return any(
            file.content.find(needle, 0, file.synced) >= 0
            for name, file in self._files.items()
            if name.startswith(prefix)
        )

    def copy(self):
        """What is durable, for a backup."""
        return {name: bytes(file.content[: file.synced]) for name, file in self._files.items()}

    def put(self, content, prefix=""):
        """Replace all files of a prefix by those of a backup, behind the node's back."""
        for name in [name for name in self._files if name.startswith(prefix)]:
            del self._files[name]
        for name, data in content.items():
            if name.startswith(prefix):
                MemoryFiles.replace(self, name, data)

    def forgive(self):
        """Faults that were ordered and not met yet will not come."""
        self._faults.clear()

    def content(self, name):
        """The bytes of a file."""
        return self._files[name].content

    def read(self, name):
        return self._use("read", lambda: MemoryFiles.read(self, name))

    def append(self, name, payload):
        self._use("append", lambda: MemoryFiles.append(self, name, payload))

    def sync(self, name):
        self._use("sync", lambda: MemoryFiles.sync(self, name))

    def replace(self, name, payload):
        moment = "snapshot" if name.startswith("mempool") else "replace"
        self._use(moment, lambda: MemoryFiles.replace(self, name, payload))

    def delete(self, name):
        self._use("delete", lambda: MemoryFiles.delete(self, name))

    def crash(self, keep, chance):
        super().crash(keep, chance)
        self.failed = False

    def _use(self, operation, action):
        assert not self.failed, f"{operation} after a failure: the process must have ended"
        self._reach(operation)
        try:
            return action()
        except DiskFailed:
            self.failed = True
            raise


class HookedStore(MemoryStore):
    """A store with a place to die at before and after each batch, which can fail."""

    def __init__(self, reach):
        super().__init__()
        self._reach = reach
        self.fails_in = {}
        self.failed = False
        self._spared = False

    @contextmanager
    def spared(self):
        """While something other than the node's own process reads: that fails for nobody."""
        self._spared = True
        try:
            yield
        finally:
            self._spared = False

    def get(self, key):
        """A read that may fail."""
        self._may_fail("read")
        return super().get(key)

    def write(self, batch, *, sync):
        """A batch that may fail, or be the last thing this process does."""
        assert not self.failed, "a batch after a failure: the process must have ended"
        self._reach("store")
        self._may_fail("write")
        super().write(batch, sync=sync)
        self._reach("stored")

    def copy(self):
        """All keys, for a backup."""
        return dict(self._values)

    def put_back(self, values):
        """Be what a backup says, behind the node's back."""
        gone = {key: None for key in self._values if key not in values}
        super().write({**gone, **values}, sync=True)

    def restart(self):
        """The process is gone."""
        self.fails_in.clear()
        self._spared = False
        self.failed = False
        self.crash()

    def _may_fail(self, operation):
        left = self.fails_in.get(operation)
        if left is None or self._spared:
            return
        self.fails_in[operation] = left - 1
        if left == 0:
            self.failed = True
            raise disk_failed(operation, "store", OSError(5, "Input/output error"))


# -- damage: called while the process is down; each returns what the owner has lost -------------

NOTHING, GUARD, ALL_WORDS = "nothing", "guard", "all words"
"""Nothing that the protocol rests on; the signer guard, so that the validator has amnesia; or
its last words without a trace, which only a validator that counts as a liar may."""


def _last(files, prefix):
    return next((name for name in reversed(files.names()) if name.startswith(prefix)), None)


def _flip(host, prefix, place, chance):
    name = _last(host.files, prefix)
    size = 0 if name is None else len(host.files.content(name))
    if size:
        low, high = {"header": (0, 50), "middle": (50, size), "tail": (max(size - 40, 50), size)}[
            place
        ]
        if low < min(high, size):
            offset = low + chance.randrange(min(high, size) - low)
            if host.files.content(name).count(MARKER, offset + 1) >= SURE_BATCHES:
                host.must_stop = name
            host.files.flip(name, 8 * offset + 3)
    return NOTHING


def _scribble(host, chance):
    """A write that was meant for another place."""
    name = _last(host.files, "votes")
    if name is not None and len(host.files.content(name)) > 120:
        content = host.files.content(name)
        start = 50 + chance.randrange(len(content) - 110)
        content[start : start + 60] = chance.randbytes(60)
    return NOTHING


def _stale_votes(host, chance):
    host.files.put(host.backup[0], "votes")
    return NOTHING


def _no_votes(host, chance):
    host.files.put({}, "votes")
    return NOTHING


def _no_guard(host, chance):
    host.files.put({}, "guard")
    return GUARD


def _no_logs(host, chance):
    host.files.put({})
    return GUARD


def _old_store(host, chance):
    host.store.put_back(host.backup[1])
    return NOTHING


def _no_store(host, chance):
    host.store.put_back({})
    return NOTHING


def _wiped(host, chance):
    host.files.put({})
    host.store.put_back({})
    return GUARD


def _restored(host, chance):
    host.files.put(host.backup[0])
    host.store.put_back(host.backup[1])
    return ALL_WORDS


def _half_restored(host, chance):
    """A backup of the logs was put back, and that of the store not yet."""
    host.files.put(host.backup[0])
    return ALL_WORDS


def _both_tails(host, chance):
    for prefix in ("votes", "guard"):
        _flip(host, prefix, "tail", chance)
    return ALL_WORDS


DAMAGES = {
    "flip in the vote log's tail": lambda host, chance: _flip(host, "votes", "tail", chance),
    "flip in the vote log's middle": lambda host, chance: _flip(host, "votes", "middle", chance),
    "flip in the vote log's header": lambda host, chance: _flip(host, "votes", "header", chance),
    "flip in the guard's tail": lambda host, chance: _flip(host, "guard", "tail", chance),
    "flip in the guard's middle": lambda host, chance: _flip(host, "guard", "middle", chance),
    "flip in the journal": lambda host, chance: _flip(host, "mempool", "middle", chance),
    "misdirected write": _scribble,
    "vote log of a backup": _stale_votes,
    "vote log missing": _no_votes,
    "guard missing": _no_guard,
    "logs missing": _no_logs,
    "store older than the logs": _old_store,
    "store missing": _no_store,
    "home wiped": _wiped,
    "home of a backup": _restored,
    "backup installed by half": _half_restored,
    "vote log and guard cut": _both_tails,
}
