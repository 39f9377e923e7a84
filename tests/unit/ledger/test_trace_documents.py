"""GS1's own example documents commit, in any order, captured by one member."""

import random

import pytest

from hansa.epcis import events_of
from tests.unit.ledger.trace_scene import TraceScene

REFUSED = {}
"""File to (code, JSON pointer): which rule refuses an example document. None is refused."""


def documents(vectors):
    """Name and events of each document."""
    files = sorted((vectors / "epcis").rglob("*.jsonld"))
    return [(file.name, events_of(file.read_bytes())) for file in files]


def capture_all(scene, found, member):
    """File to (code, pointer) of the first event of a document that is refused."""
    refused = {}
    for name, events in found:
        for event in events:
            receipt = scene.capture(event.text, member)
            if receipt.code != "OK":
                refused.setdefault(name, (receipt.code, event.pointer))
    return refused


@pytest.mark.parametrize("seed", range(4))
def test_every_example_document_commits_in_any_order_and_again(vectors, seed):
    found = documents(vectors)
    random.Random(seed).shuffle(found)
    scene = TraceScene()

    assert capture_all(scene, found, "carrier") == REFUSED
    root = scene.ledger.head.state_root
    assert capture_all(scene, found, "carrier") == REFUSED
    assert scene.ledger.head.state_root == root
    assert len(found) >= 27


def test_another_member_may_capture_the_same_documents_and_changes_nothing(vectors):
    found = documents(vectors)
    scene = TraceScene()
    capture_all(scene, found, "carrier")
    root = scene.ledger.head.state_root

    refused = capture_all(scene, found, "farm")

    assert refused == {}
    assert scene.ledger.head.state_root == root
