"""What answers to requests cost whom: too many bytes do, an answer that comes late does not."""

from node.sync import LAG_MS, Penalise
from tests.unit.node.test_sync import Node


def test_more_bytes_than_a_reply_holds_are_no_answer(monkeypatch):
    node = Node()
    node.claims(4)
    peer, start, count = node.asked()[0]
    monkeypatch.setattr("node.sync.REPLY_BYTES_MAX", 100)

    node.answer(peer, start, count)

    assert [one.code for one in node.of(Penalise)] == ["sync.too-much"]


def test_the_answer_to_an_earlier_and_longer_request_costs_nobody():
    node = Node()
    node.claims(4)  # node1 is asked for 1 to 4
    node.claim("node2", 0)
    node.claim("node3", 0)  # and the request is forgotten
    node.claim("node2", 3)
    node.claim("node3", 3, LAG_MS)  # it is asked for 1 to 3

    node.answer("node1", 1, 4, LAG_MS)

    assert node.of(Penalise) == []
