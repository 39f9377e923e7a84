"""The handshake as conversations between two machines, good and bad."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hansa.errors import Rejected
from hansa.signing import SigningKey
from p2p.control import (
    TEXT_MAX,
    Answer,
    Hello,
    Ping,
    Proof,
    Refusal,
    Welcome,
    decode_control,
    encode_control,
)
from p2p.frames import CONTROL_BYTES_MAX
from p2p.handshake import (
    DIALLER_TAG,
    LISTENER_TAG,
    Dialler,
    Listener,
    hello_of,
    statement,
)
from p2p.peers import Identity, PeerInfo

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "handshake.json").read_text())


def identity(number, **changes):
    base = Identity(
        name=f"node{number}",
        role="validator",
        chain_id="hansa-test",
        genesis_hash=b"g" * 32,
        key=SigningKey(bytes([number + 1]) * 32),
        configuration=b"c" * 32,
        software="hansa/0.1.0",
    )
    return replace(base, **changes)


ANNA, BERT, MALLORY = identity(0), identity(1), identity(2)
MEMBERS = {
    ANNA.key.public: PeerInfo("node0", "validator"),
    BERT.key.public: PeerInfo("node1", "validator"),
    MALLORY.key.public: PeerInfo("node2", "observer"),
}


def hello(who, nonce=1):
    return hello_of(who, bytes([nonce]) * 32, b"i" * 16)


def dialler(who=ANNA, to=BERT, nonce=1, known=MEMBERS.get):
    return Dialler(who, hello(who, nonce), to.key.public, known)


def listener(who=BERT, nonce=2, known=MEMBERS.get):
    return Listener(who, hello(who, nonce), known)


def refusal_code(step):
    """The code by which a side ended the conversation; it must also tell the other."""
    assert step.established is None
    assert decode_control(step.send) == step.refusal
    return step.refusal.code


def talk(one, other):
    """Let both speak until the conversation is decided; the last step of each."""
    step = one.start(other._hello.key)
    answer = other.receive(step.send)
    proof = one.receive(answer.send)
    welcome = other.receive(proof.send)
    return one.receive(welcome.send), welcome


def test_two_members_prove_themselves_to_each_other():
    at_dialler, at_listener = talk(dialler(), listener())

    assert at_dialler.established.info == MEMBERS[BERT.key.public]
    assert at_listener.established.info == MEMBERS[ANNA.key.public]
    assert at_dialler.established.hello == hello(BERT, 2)
    assert at_dialler.established.protocol == at_listener.established.protocol == 1


def test_the_highest_common_protocol_is_used():
    newer = replace(ANNA, protocol_min=1, protocol_max=7)
    older = replace(BERT, protocol_min=1, protocol_max=3)

    at_dialler, at_listener = talk(dialler(newer), listener(older))

    assert at_dialler.established.protocol == at_listener.established.protocol == 3


def test_a_certificate_over_another_key_ends_it_before_the_first_byte():
    step = dialler().start(MALLORY.key.public)

    assert step.send == b""
    assert step.refusal.code == "wrong_key"


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (replace(ANNA, key=SigningKey(b"s" * 32)), "unknown_node"),
        (replace(ANNA, chain_id="other"), "wrong_chain"),
        (replace(ANNA, genesis_hash=b"x" * 32), "wrong_chain"),
        (replace(ANNA, protocol_min=2, protocol_max=3), "protocol"),
        (replace(ANNA, protocol_min=0, protocol_max=0), "protocol"),
        (BERT, "self"),
    ],
    ids=["stranger", "chain", "genesis", "too new", "too old", "own key"],
)
def test_the_listener_refuses_with_a_reason(who, code):
    listening = listener()

    step = listening.receive(dialler(who).start(BERT.key.public).send)

    assert refusal_code(step) == code
    assert step.refusal.detail


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (replace(BERT, chain_id="other"), "wrong_chain"),
        (replace(BERT, protocol_min=2, protocol_max=2), "protocol"),
        (MALLORY, "wrong_key"),
    ],
    ids=["chain", "protocol", "another key than the certificate's"],
)
def test_the_dialler_refuses_with_a_reason(who, code):
    dialling = dialler()
    dialling.start(BERT.key.public)
    said = hello(who, 2)
    signature = who.key.sign(statement(LISTENER_TAG, hello(ANNA), said))

    assert refusal_code(dialling.receive(encode_control(Answer(said, signature)))) == code


def test_a_stranger_is_told_what_to_do():
    step = listener(known={}.get).receive(dialler().start(BERT.key.public).send)

    assert step.refusal.hint == "ask a member to run: hansa member approve"
    assert ANNA.key.public[1:].hex() in step.refusal.detail


def test_a_refusal_of_the_node_itself_reaches_the_peer():
    def penalised(_key):
        raise Rejected("penalised", "kept out", "wait")

    step = listener(known=penalised).receive(dialler().start(BERT.key.public).send)

    assert refusal_code(step) == "penalised"


def test_a_refusal_ends_the_conversation_at_either_side():
    refusal = Refusal("unknown_node", "not here", "ask")
    dialling = dialler()
    dialling.start(BERT.key.public)

    assert dialling.receive(encode_control(refusal)).refusal == refusal
    assert listener().receive(encode_control(refusal)).refusal == refusal


def test_a_signature_relayed_from_a_third_node_is_refused():
    """Mallory, whom Anna dials, cannot pass Anna's proof on to Bert."""
    anna, bert = dialler(to=MALLORY), listener()
    greeting = anna.start(MALLORY.key.public)
    answer = decode_control(bert.receive(greeting.send).send)
    # Mallory speaks for herself, with Bert's nonce.
    said = Hello(**{**fields(hello(MALLORY)), "nonce": answer.hello.nonce})
    signature = MALLORY.key.sign(statement(LISTENER_TAG, hello(ANNA), said))

    proof = anna.receive(encode_control(Answer(said, signature)))

    assert isinstance(decode_control(proof.send), Proof)
    assert refusal_code(bert.receive(proof.send)) == "signature"


def test_an_answer_relayed_through_a_third_node_is_refused():
    """Mallory cannot pass Bert's answer on as hers."""
    anna, bert = dialler(to=MALLORY), listener()
    answer = bert.receive(anna.start(MALLORY.key.public).send)

    assert refusal_code(anna.receive(answer.send)) == "wrong_key"


def test_a_mirror_is_refused():
    """What the dialler says comes back to it; what the listener signs comes back to it."""
    dialling = dialler()
    greeting = dialling.start(BERT.key.public)
    assert refusal_code(dialling.receive(greeting.send)) == "order"

    listening = listener()
    answer = decode_control(listening.receive(dialler().start(BERT.key.public).send).send)
    assert refusal_code(listening.receive(encode_control(Proof(answer.signature)))) == "signature"


def test_a_node_that_uses_our_own_key_is_refused_by_the_dialler():
    dialling = dialler(to=ANNA)
    dialling.start(ANNA.key.public)
    said = hello(ANNA, 2)
    signature = ANNA.key.sign(statement(LISTENER_TAG, hello(ANNA), said))

    assert refusal_code(dialling.receive(encode_control(Answer(said, signature)))) == "self"


def test_a_recorded_conversation_cannot_be_replayed():
    recorded = dialler()
    greeting = recorded.start(BERT.key.public)
    proof = recorded.receive(listener(nonce=2).receive(greeting.send).send)

    fresh = listener(nonce=3)
    fresh.receive(greeting.send)

    assert refusal_code(fresh.receive(proof.send)) == "signature"


def test_a_recorded_answer_cannot_be_replayed():
    answer = listener().receive(dialler(nonce=1).start(BERT.key.public).send)
    fresh = dialler(nonce=9)
    fresh.start(BERT.key.public)

    assert refusal_code(fresh.receive(answer.send)) == "signature"


def fields(struct):
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


CHANGES = {
    "protocol_min": 0,
    "protocol_max": 2,
    "chain_id": "other",
    "genesis_hash": b"x" * 32,
    "name": "other",
    "role": "observer",
    "key": MALLORY.key.public,
    "nonce": b"n" * 32,
    "instance": b"x" * 16,
    "configuration": b"x" * 32,
    "software": "other",
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("tag", [DIALLER_TAG, LISTENER_TAG])
def test_the_signatures_cover_every_word_of_both(tag, name):
    one, other = hello(ANNA), hello(BERT, 2)
    changed = {name: CHANGES[name]}

    statements = {
        statement(tag, one, other),
        statement(tag, Hello(**{**fields(one), **changed}), other),
        statement(tag, one, Hello(**{**fields(other), **changed})),
        statement(tag, other, one),
    }

    assert set(CHANGES) == set(Hello.__struct_fields__)
    assert len(statements) == 4


def test_the_two_signatures_are_not_interchangeable():
    one, other = hello(ANNA), hello(BERT, 2)

    assert statement(DIALLER_TAG, one, other) != statement(LISTENER_TAG, one, other)


GREETING = encode_control(hello(ANNA))
MALFORMED = {
    "nothing": b"",
    "no struct": b"\x01",
    "an integer": b"\x01\x07",
    "a field too many": GREETING[:1] + b"\x9c" + GREETING[2:] + b"\xc0",
    "bytes after it": GREETING + b"\xc0",
    "a long spelling": GREETING[:1] + b"\xdc\x00\x0b" + GREETING[2:],
    "a short nonce": encode_control(Hello(**{**fields(hello(ANNA)), "nonce": b"short"})),
    "a name of two lines": encode_control(Hello(**{**fields(hello(ANNA)), "software": "a\nb"})),
    "an unknown role": encode_control(Hello(**{**fields(hello(ANNA)), "role": "king"})),
}


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED)
def test_malformed_messages_are_refused_at_both_sides(payload):
    dialling = dialler()
    dialling.start(BERT.key.public)

    assert refusal_code(dialling.receive(payload)) == "malformed"
    assert refusal_code(listener().receive(payload)) == "malformed"


OUT_OF_ORDER = {
    "proof first": encode_control(Proof(bytes(64))),
    "welcome": encode_control(Welcome(1)),
    "answer": encode_control(Answer(hello(ANNA), bytes(64))),
    "ping": encode_control(Ping(1)),
    "unknown type": b"\x63\x90",
}


@pytest.mark.parametrize("payload", OUT_OF_ORDER.values(), ids=OUT_OF_ORDER)
def test_the_listener_takes_messages_in_order_only(payload):
    assert refusal_code(listener().receive(payload)) == "order"


def test_a_machine_is_used_once():
    dialling, listening = dialler(), listener()
    talk(dialling, listening)

    assert refusal_code(dialling.receive(encode_control(Welcome(1)))) == "order"
    assert refusal_code(listening.receive(GREETING)) == "order"


def test_a_welcome_must_name_the_agreed_protocol():
    dialling = dialler()
    dialling.receive(listener().receive(dialling.start(BERT.key.public).send).send)

    assert refusal_code(dialling.receive(encode_control(Welcome(2)))) == "protocol"


def test_the_longest_control_messages_fit_their_frame():
    longest = Refusal.of(Rejected("unknown_node", "\U0001f6a2" * 999, "\U0001f6a2" * 999))

    assert len(longest.detail) == TEXT_MAX
    assert len(encode_control(longest)) <= CONTROL_BYTES_MAX


def test_hellos_stay_short():
    longest = identity(0, name="n" * 64, chain_id="c" * 64, software="\U0001f6a2" * 64)

    assert len(encode_control(hello(longest))) < 1024


def test_a_refusal_is_one_printable_line_with_a_known_code():
    refusal = Refusal.of(Rejected("encoding.malformed", "two\nlines\x7f", "a\tb"))

    assert refusal == Refusal("malformed", "two lines ", "a b")
    assert decode_control(encode_control(refusal)) == refusal


# Vectors


def vector_sides():
    return {
        side: Identity(
            name=part["name"],
            role=part["role"],
            chain_id=part["chain_id"],
            genesis_hash=bytes.fromhex(part["genesis_hash"]),
            key=SigningKey(bytes.fromhex(part["seed"])),
            configuration=bytes.fromhex(part["configuration"]),
            software=part["software"],
        )
        for side, part in VECTORS["sides"].items()
    }


def vector_machines():
    sides = vector_sides()
    hellos = {
        side: hello_of(
            who,
            bytes.fromhex(VECTORS["sides"][side]["nonce"]),
            bytes.fromhex(VECTORS["sides"][side]["instance"]),
        )
        for side, who in sides.items()
    }
    known = {who.key.public: PeerInfo(who.name, who.role) for who in sides.values()}
    return (
        Dialler(sides["dialler"], hellos["dialler"], sides["listener"].key.public, known.get),
        Listener(sides["listener"], hellos["listener"], known.get),
    )


def test_the_conversation_is_that_of_the_vectors():
    dialling, listening = vector_machines()
    good = VECTORS["conversation"]

    greeting = dialling.start(listening._hello.key)
    answer = listening.receive(greeting.send)
    proof = dialling.receive(answer.send)
    welcome = listening.receive(proof.send)

    assert statement(DIALLER_TAG, dialling._hello, listening._hello).hex() == good["dialler_signs"]
    assert (
        statement(LISTENER_TAG, dialling._hello, listening._hello).hex() == good["listener_signs"]
    )
    assert greeting.send.hex() == good["hello"]
    assert answer.send.hex() == good["answer"]
    assert proof.send.hex() == good["proof"]
    assert welcome.send.hex() == good["welcome"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_bad_conversations_of_the_vectors_are_refused(vector):
    dialling, listening = vector_machines()
    dialling.start(listening._hello.key)
    machine = {"dialler": dialling, "listener": listening}[vector["to"]]

    steps = [machine.receive(bytes.fromhex(payload)) for payload in vector["messages"]]

    assert refusal_code(steps[-1]) == vector["code"]
    assert [step.refusal for step in steps[:-1]] == [None] * (len(steps) - 1)
