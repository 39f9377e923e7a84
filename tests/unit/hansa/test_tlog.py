"""The log in the formats of C2SP, out and in; the examples of the specifications themselves."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hansa.errors import Rejected
from hansa.keys import ED25519
from hansa.proof import parse_proof
from hansa.signing import SigningKey, verify
from hansa.tlog import (
    MAGIC,
    checkpoint_body,
    cosign,
    export_tlog,
    key_id,
    origin_of,
    parse_note,
    parse_tlog,
    verify_tlog,
    witness_key,
)
from tests.unit.hansa import proof_scene as scene

COURT = SigningKey(b"a court's witness".ljust(32, b"."))
PRESS = SigningKey(b"a newspaper's".ljust(32, b"."))
NAME = "court.example/witness"
TIME_S = 1_795_341_700


@pytest.fixture(scope="module")
def world():
    return scene.transaction_sample(change_at=None)


def exported(world):
    return export_tlog(parse_proof(world[1]))


def body_of(text):
    return parse_tlog(text.encode()).note.body


def trusted(world, *witnesses):
    return replace(world[0].trust(), witnesses=witnesses)


def judged(world, text, *witnesses, trust=None):
    return verify_tlog(parse_tlog(text.encode()), trust or trusted(world, *witnesses), verify)


def test_the_checkpoint_is_of_the_block_and_signed_by_its_validators(world):
    text = exported(world)
    found = judged(world, text)
    header = world[0].headers[5]

    assert text.startswith(f"{MAGIC}\nextra ")
    assert (found.origin, found.size) == ("hansa/hansa-test", header.log_size)
    assert found.header == header
    assert found.receipt.height == 5
    assert found.witnesses == ()


def test_a_witness_of_the_trust_file_is_named_with_its_time(world):
    text = exported(world)
    text += cosign(body_of(text), NAME, COURT, TIME_S)
    text += cosign(body_of(text), "press.example", PRESS, TIME_S)
    found = judged(world, text, witness_key(NAME, COURT.public))

    assert found.witnesses == ((NAME, TIME_S),)


def test_witnesses_alone_vouch_for_a_checkpoint(world):
    text = exported(world)
    body = body_of(text)
    head = text[: text.index("\n\n")]
    alone = f"{head}\n\n{body}\n{cosign(body, NAME, COURT, TIME_S)}"

    assert judged(world, alone, witness_key(NAME, COURT.public)).header is None
    with pytest.raises(Rejected, match=r"tlog\.unsigned"):
        judged(world, alone, witness_key("press.example", PRESS.public))


def test_a_cosignature_that_does_not_hold_refuses_all(world):
    text = exported(world)
    other = checkpoint_body(scene.CHAIN, 1, bytes(32))
    text += cosign(other, NAME, COURT, TIME_S)

    assert judged(world, text).witnesses == ()
    with pytest.raises(Rejected, match=r"tlog\.signature"):
        judged(world, text, witness_key(NAME, COURT.public))


def test_validators_of_another_set_sign_nothing(world):
    text = exported(world)
    other = replace(world[0].trust(), validators=world[0].trust().validators[:3])

    with pytest.raises(Rejected, match=r"tlog\.unsigned"):
        judged(world, text, trust=other)
    with pytest.raises(Rejected, match=r"tlog\.origin"):
        judged(world, text, trust=replace(world[0].trust(), chain_id="other"))


def test_a_key_of_a_witness_must_be_one(world):
    bad = [*witness_key(NAME, PRESS.public).split("+")[:2], witness_key(NAME, COURT.public)[-44:]]
    with pytest.raises(Rejected, match=r"trust\.malformed"):
        judged(world, exported(world), "+".join(bad))


def test_the_cosignature_of_the_specification_holds():
    """tlog-cosignature, its example: name, key id, time and text; the key is not published."""
    text = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5"
        "/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJs"
        "X3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    )
    note = parse_note(text)
    log, witness = note.signatures

    assert (note.origin, note.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert (log.key_id.hex(), len(log.blob)) == ("033de0ae", 64)
    assert (witness.name, witness.key_id.hex()) == ("witness.example.com/w1", "8d66cf3f")
    assert int.from_bytes(witness.blob[:8], "big") == 1_679_315_147


def test_a_verifier_key_of_the_go_tools_has_the_same_id():
    """golang.org/x/mod/sumdb/note, its example key."""
    name, given, encoded = (
        "PeterNeumann",
        "c74f20a3",
        "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    )

    assert key_id(name, base64.b64decode(encoded)).hex() == given


def test_a_signature_over_the_text_alone_counts_too(world):
    text = exported(world)
    typed = b"\x01" + COURT.public[1:]
    identifier = key_id(NAME, typed)
    line = base64.b64encode(identifier + COURT.sign(body_of(text).encode())).decode()
    key = f"{NAME}+{identifier.hex()}+{base64.b64encode(typed).decode()}"

    assert judged(world, f"{text}— {NAME} {line}\n", key).witnesses == ((NAME, 0),)
    assert ED25519 == 1


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_a_changed_letter_is_refused_or_changes_nothing_that_is_said(world, data):
    raw = exported(world).encode()
    place = data.draw(st.integers(0, len(raw) - 1))
    bent = bytearray(raw)
    bent[place] ^= data.draw(st.integers(1, 255))
    true = judged(world, exported(world))
    try:
        found = verify_tlog(parse_tlog(bytes(bent)), trusted(world), verify)
    except Rejected:
        return
    assert found == true


MALFORMED = {
    "nothing": "",
    "another format": "c2sp.org/tlog-proof@v2\nindex 0\n\na\n1\nx\n\n",
    "no index": f"{MAGIC}\n\na\n1\nAAAA\n\n",
    "a number with a zero": f"{MAGIC}\nindex 01\n\na\n1\nAAAA\n\n— a AAAAAAA=\n",
    "no signature": f"{MAGIC}\nindex 0\n\na\n1\n{base64.b64encode(bytes(32)).decode()}\n\n",
    "a short hash": f"{MAGIC}\nindex 0\nAAAA\n\na\n1\nAAAA\n\n— a AAAAAAA=\n",
    "a control character": f"{MAGIC}\nindex 0\n\na\t\n1\nAAAA\n\n— a AAAAAAA=\n",
}


@pytest.mark.parametrize("what", MALFORMED)
def test_another_shape_is_no_tlog_proof(what):
    with pytest.raises(Rejected, match=r"tlog\.malformed"):
        parse_tlog(MALFORMED[what].encode())


def test_the_origin_is_the_chain():
    assert origin_of("a-chain") == "hansa/a-chain"
