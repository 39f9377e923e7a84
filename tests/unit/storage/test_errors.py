"""A failed disk stops the node: nobody may take it for a sender's or a contract's fault."""

import pytest

from hansa.errors import Corrupt
from hansa.hashing import sha256
from ledger.execution import Ledger
from node.cli.errors import ExitCode, exit_code_of
from storage.errors import DiskFailed, disk_failed
from storage.kv import MemoryStore
from tests.unit.ledger.scene import Scene, verify


class DyingStore(MemoryStore):
    """A store whose disk cannot read one kind of record any more."""

    def get(self, key):
        if b"doc/record" in key:
            raise disk_failed("read", "data", OSError(5, "Input/output error"))
        return super().get(key)


def test_a_failed_disk_ends_the_node_as_damaged_data_does():
    error = disk_failed("read", "data", OSError(5, "Input/output error"))

    assert isinstance(error, Corrupt)
    assert exit_code_of(error) == ExitCode.UNHEALTHY


def test_a_read_that_fails_inside_a_contract_leaves_no_receipt():
    scene = Scene()
    dying = DyingStore()
    dying.write(dict(scene.store.iterate()), sync=True)
    scene.ledger = Ledger.open(dying, verify)
    arguments = {"id": "a", "digest": sha256(b"a"), "size": 1, "media_type": "text/plain"}

    with pytest.raises(DiskFailed):
        scene.call("doc", "register", {**arguments, "kind": "file"})
