"""What clients ask and how they read replies, to the letter and at the edges."""

import inspect
import socket
import threading

import msgspec
import pytest

from hansa.client import AsyncClient, Client, calls, plain
from hansa.client.events import EventParser
from hansa.client.plain import base_of, headers_of, unknown_fate
from hansa.client.transactions import make
from hansa.client.types import (
    Pending,
    Quorum,
    Readiness,
    Status,
    Submitted,
    ValidatorView,
)
from hansa.errors import HansaError, Rejected, Unavailable
from hansa.evidence import DoubleVote, SignedVote, check_evidence, encode_evidence, height_of
from hansa.signing import SigningKey
from hansa.transaction import Call

TX = bytes(range(32))
PROBLEM = msgspec.json.encode(
    {"type": "t", "title": "T", "status": 1, "detail": "d", "code": "a.code", "hint": "h"}
)

TARGETS = {
    "/v1/tx": calls.submit(b"", "none", 1.5),
    "/v1/tx?wait=commit&timeout=1500ms": calls.submit(b"", "commit", 1.5),
    "/v1/tx?wait=accept&timeout=0ms": calls.submit(b"", "accept", -1),
    "/v1/txs?wait=commit&timeout=2ms": calls.submit_many([b"a"], "commit", 0.0015),
    f"/v1/tx/{TX.hex()}": calls.transaction(TX, "none", 3),
    "/v1/blocks/latest": calls.block(None),
    "/v1/blocks/0": calls.block(0),
    "/v1/blocks?limit=7": calls.blocks(7, None),
    "/v1/blocks?limit=7&cursor=c": calls.blocks(7, "c"),
    "/v1/state/org%2Fa%20b": calls.state("org/a b"),
    "/v1/scan?prefix=org%2F&limit=1": calls.scan("org/", 1, None),
    "/v1/records/a%2Fb/c%2Fd": calls.record("a/b", "c/d"),
    "/v1/trace?id=urn%3Ax&direction=up&depth=2": calls.trace("urn:x", "up", 2),
    f"/v1/tx/{TX.hex()}/proof": calls.proof_tx(TX),
    "/v1/proof/state/a%2Fb": calls.proof_state("a/b"),
    "/v1/trust": calls.trust(),
    "/v1/status": calls.status(),
    "/v1/peers": calls.peers(),
    "/v1/consensus": calls.consensus(),
    "/v1/contracts": calls.contracts(),
    "/readyz?verbose=true": calls.ready(),
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_question_has_its_address(target):
    ask = TARGETS[target]

    assert ask.target == target
    assert ask.method == ("POST" if ask.body is not None else "GET")


def test_a_stream_is_asked_for_with_its_types_and_beginning():
    assert calls.events(("block", "tx"), None) == "/v1/events?types=block%2Ctx"
    assert calls.events(("tx",), 0) == "/v1/events?types=tx&from=0"


def test_a_client_waits_ten_seconds_longer_than_the_node():
    assert calls.submit(b"", "commit", 1.5).timeout_s == 11.5
    assert calls.transaction(TX, "commit", 2).timeout_s == 12
    assert calls.status().timeout_s == 10


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("method", "name", "default"),
    [
        ("blocks", "limit", 50), ("scan", "limit", 50), ("trace", "depth", 16),
        ("trace", "direction", "both"), ("submit", "timeout_s", 10.0), ("wait", "timeout_s", 10.0),
        ("submit", "wait", "none"), ("events", "types", ("block",)),
    ],
)  # fmt: skip
def test_both_clients_have_the_same_defaults(client, method, name, default):
    assert inspect.signature(getattr(client, method)).parameters[name].default == default


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (200, dict, None), (299, dict, None), (199, dict, Rejected), (300, dict, Rejected),
        (408, dict, Unavailable), (429, dict, Unavailable), (500, dict, Unavailable),
        (501, dict, Rejected), (502, dict, Unavailable), (503, dict, Unavailable),
        (504, dict, Unavailable), (505, dict, Rejected), (404, dict, Rejected),
        (503, Readiness, msgspec.ValidationError), (502, Readiness, Unavailable),
    ],
)  # fmt: skip
def test_a_reply_is_read_refused_or_to_be_tried_later_by_its_status(status, kind, error):
    ask = calls.Ask("GET", "/", kind)
    if error is None:
        assert calls.read_reply(ask, status, calls.PROBLEM, PROBLEM)["code"] == "a.code"
        return
    with pytest.raises(HansaError) as caught:
        calls.read_reply(ask, status, calls.PROBLEM, PROBLEM)

    expected = ("node.reply", "") if error is msgspec.ValidationError else ("a.code", "h")
    assert caught.value.code == expected[0]
    if expected[1]:
        assert (type(caught.value), caught.value.hint) == (error, "h")


def test_a_node_that_is_not_ready_says_so_in_a_reply():
    body = b'{"ready":false,"checks":[]}'

    assert calls.read_reply(calls.ready(), 503, "", body) == Readiness(ready=False, checks=())


def test_bytes_are_given_as_they_are():
    assert calls.read_reply(calls.trust(), 200, "text/plain", b"\xff") == b"\xff"


def test_what_is_left_out_of_a_reply_has_its_default():
    assert msgspec.json.decode(b"{}", type=Pending) == Pending(count=0, size_bytes=0, oldest_s=0)
    assert msgspec.structs.asdict(Pending()) == {"count": 0, "size_bytes": 0, "oldest_s": 0}
    submitted = msgspec.json.decode(b"{}", type=Submitted)
    assert (submitted.tx_id, submitted.expires_at, submitted.fate) == ("", 0, None)
    view = msgspec.json.decode(b'{"name":"n","member":"m","reachable":true}', type=ValidatorView)
    assert (view.key, view.height, view.seen_s) == ("", None, None)
    defaults = {
        field.name: field.default
        for field in msgspec.structs.fields(Status)
        if field.default is not msgspec.NODEFAULT
    }
    assert defaults == {
        "state": "ok", "sync_target": None, "fresh_at": None, "diverged": False,
        "disk_free_bytes": None, "development_keys": False, "time": None,
    }  # fmt: skip


@pytest.mark.parametrize(("live", "reached"), [(2, False), (3, True), (4, True)])
def test_a_quorum_is_reached_with_as_many_as_are_needed(live, reached):
    assert Quorum(validators=4, need=3, live=live).reached is reached


@pytest.mark.parametrize(("length", "refused"), [(1_048_576, False), (1_048_577, True)])
def test_a_line_of_a_stream_has_at_most_a_mebibyte(length, refused):
    parser = EventParser()
    if refused:
        with pytest.raises(Unavailable):
            list(parser.feed(b"x" * length))
    else:
        assert list(parser.feed(b"x" * length)) == []


def test_a_field_of_a_stream_loses_one_space():
    parser = EventParser()
    list(parser.feed(b"id:  5\n\nid:6\n"))
    assert parser.last_id == " 5"
    list(parser.feed(b"\n\n"))

    assert parser.last_id == "6"


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("node:8600", "http://node:8600"), ("https://node", "https://node"),
        ("http://[::1]:1/v1/", "http://[::1]:1"), ("http://node:0", "http://node:0"),
        ("http://node/v2", None), ("ftp://node", None), ("http://", None),
        ("http://node:99999", None),
    ],
)  # fmt: skip
def test_an_address_is_scheme_host_and_port(given, base):
    if base is None:
        with pytest.raises(Rejected):
            base_of(given)
    else:
        assert base_of(given) == base


def test_a_token_travels_in_the_headers():
    plain = {"Accept": "application/json", "User-Agent": "hansa-sdk"}

    assert headers_of(None) == plain
    assert headers_of("t") == plain | {"Authorization": "Bearer t"}


def test_only_what_nobody_heard_of_is_unknown():
    assert unknown_fate(Rejected("tx.not-found", "")).state == "unknown"
    with pytest.raises(Rejected):
        unknown_fate(Rejected("tx.other", ""))


class OneReply(threading.Thread):
    """A node that answers one request on one connection and is gone."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def run(self):
        """Answer once."""
        taken, _ = self.socket.accept()
        taken.recv(65_536)
        self.socket.close()
        body = b'{"chain_id":"c"}'
        taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        taken.shutdown(socket.SHUT_RDWR)
        taken.close()


def test_a_kept_connection_that_died_is_tried_once_more_and_then_given_up():
    node = OneReply()
    node.start()
    with Client(node.url) as client:
        assert client.contracts() == {"chain_id": "c"}
        node.join()
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                client.contracts()

    assert caught.value.code == "node.unreachable"


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def monotonic(self):
        """The time."""
        return self.now

    def sleep(self, seconds):
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


def test_a_node_that_is_away_is_asked_once_a_second_until_the_time_is_up(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(plain, "time", clock)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    call = Call.of("doc", "register", {"id": "c"})
    signed = make("c", SigningKey(bytes(32)), [call], expires_at=1)

    with Client(url) as client, pytest.raises(Unavailable):
        client.resubmit(signed, 3.5)
    assert clock.slept == [1.0, 1.0, 1.0]


# Evidence names the height of its first statement.


def test_evidence_is_judged_at_the_height_of_its_first_statement():
    one, other = (
        SignedVote(2, 0, height, 0, bytes([height]) * 32, 0, bytes(64)) for height in (5, 6)
    )
    evidence = DoubleVote(one, other)

    assert height_of(evidence) == 5
    with pytest.raises(Rejected) as caught:
        check_evidence(encode_evidence(evidence), "c", None, None)
    assert caught.value.code == "evidence.unrelated"


def test_a_certificate_of_https_is_checked_unless_told_how():
    assert AsyncClient("https://node")._tls is True
