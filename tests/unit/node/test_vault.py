"""Vaults of several organisations: who is named gets a blob, nobody else learns that it is."""

import json
from pathlib import Path

import pytest

from hansa.encoding import pack
from hansa.errors import Rejected, Unavailable
from hansa.hashing import sha256
from hansa.seal import open_blob
from node import vault_exchange
from node.vault_exchange import PIECE_MS, PIECE_TRIES, SERVE_BYTES_BURST
from node.vault_messages import (
    HAVE_MAX,
    PIECE_BYTES,
    VAULT_TAG,
    Gone,
    Have,
    Item,
    Piece,
    Want,
    decode_vault,
    encode_vault,
)
from tests.unit.node.vault_scene import KEYS, Place, deaf, sealed, settle, town, until

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "vault.json").read_text(encoding="utf-8")
)["messages"]
BIG = b"0123456789abcdef" * (3 * PIECE_BYTES // 16)


async def code_of(awaitable):
    with pytest.raises((Rejected, Unavailable)) as caught:
        await awaitable
    return caught.value.code


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda one: one["kind"])
def test_a_frozen_message_is_read_and_written_alike(vector):
    message = decode_vault(bytes.fromhex(vector["message"]))

    assert type(message).__name__ == vector["kind"]
    assert encode_vault(message).hex() == vector["message"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda one: one["why"])
def test_a_bad_message_is_refused(vector):
    with pytest.raises(Rejected) as caught:
        decode_vault(bytes.fromhex(vector["message"]))
    assert caught.value.code == vector["code"]


async def test_a_blob_comes_to_those_who_are_named_and_to_nobody_else():
    one = sealed(BIG)
    async with town(f="farm", b="bank", c="carrier", f2="farm") as (wire, places):
        await places["f"].vault.put(one.blob)
        await until(lambda: all(places[n].vault.index.has(one.id) for n in ("b", "f2")))

        got = await places["b"].vault.get(one.id)

        assert open_blob(got, KEYS["bank"]).payload == BIG
        assert one.id not in places["c"].vault.index.notes
        assert not [m for m in wire.sent if m[1] == "c"]
        assert await code_of(places["c"].vault.get(one.id)) == "vault.not-found"


async def test_who_is_not_named_hears_the_same_of_a_held_an_erased_and_an_unknown_blob():
    held, erased, unknown = sealed(), sealed(), sealed()
    async with town(f="farm", c="carrier") as (wire, places):
        await places["f"].vault.put(held.blob)
        await places["f"].vault.put(erased.blob)
        await places["f"].vault.erase(erased.id)
        wire.sent.clear()
        asked = [held.id, erased.id, unknown.id]

        for blob_id in asked:
            places["c"].send("f", 3, encode_vault(Want(blob_id, 0)))
        await settle()

        assert [m[2] for m in wire.sent if m[0] == "f"] == [encode_vault(Gone(i)) for i in asked]


async def test_a_node_whose_organisation_is_unknown_gets_and_gives_nothing():
    one = sealed()
    async with town(f="farm") as (wire, places):
        place = Place(wire, "x", "")
        place.start()
        places["x"] = place
        wire.connect("f", "x")
        await places["f"].vault.put(one.blob)
        place.send("f", 3, encode_vault(Want(one.id, 0)))
        place.send("f", 3, encode_vault(Have((Item(bytes(32), 5),))))
        await settle()

        assert wire.sent[-1][2] == encode_vault(Gone(one.id))
        assert places["f"].vault.exchange.wanted == ()


async def test_a_node_that_was_away_gets_the_blob_when_it_connects():
    one = sealed(BIG)
    async with town(f="farm", b="bank") as (wire, places):
        wire.disconnect("f", "b")
        await places["f"].vault.put(one.blob)
        wire.connect("f", "b")

        await until(lambda: places["b"].vault.index.has(one.id))


async def test_a_node_that_dies_while_it_fetches_begins_anew_after_its_start():
    one = sealed(BIG)
    async with town(f="farm", b="bank") as (wire, places):
        wire.lose = lambda _s, _t, payload: payload[1:2] == b"\x03"
        await places["f"].vault.put(one.blob)
        await settle()
        assert places["b"].vault.exchange.wanted == (one.id,)
        await places["b"].stop()
        places["b"].open()
        places["b"].start()
        wire.lose = lambda *_message: False
        wire.connect("f", "b")

        await until(lambda: places["b"].vault.index.has(one.id))


async def test_a_lost_piece_is_asked_for_again_from_where_it_was():
    one = sealed(BIG)
    async with town(f="farm", b="bank") as (wire, places):
        lost = []

        def lose_second(_source, _target, payload):
            message = decode_vault(payload)
            if isinstance(message, Piece) and message.offset == PIECE_BYTES and not lost:
                lost.append(payload)
                return True
            return False

        wire.lose = lose_second
        await places["f"].vault.put(one.blob)
        await until(lambda: lost)
        places["b"].tick(PIECE_MS)
        await until(lambda: places["b"].vault.index.has(one.id))

        wants = [decode_vault(m[2]) for m in wire.sent if m[0] == "b"]
        assert [w.offset for w in wants if isinstance(w, Want)].count(0) == 1


async def test_a_silent_holder_is_left_for_another_one():
    one = sealed(BIG)
    async with town(f="farm", f2="farm", b="bank") as (wire, places):
        wire.lose = lambda source, target, _payload: source == "f" and target == "b"
        wire.disconnect("f", "f2")
        wire.disconnect("f2", "b")
        await places["f2"].vault.put(one.blob)
        await places["f"].vault.put(one.blob)
        wire.lose = lambda source, target, payload: (
            source == "f" and target == "b" and payload[1:2] == b"\x03"
        )
        wire.connect("f2", "b")
        wire.disconnect("f", "b")
        wire.connect("f", "b")
        for _ in range(3 * PIECE_TRIES):
            places["b"].tick(PIECE_MS)
            await settle()

        assert places["b"].vault.index.has(one.id)


async def test_a_holder_that_never_answers_is_given_up_in_the_end(monkeypatch):
    monkeypatch.setattr(vault_exchange, "TRIES_MAX", 2)
    async with town(f="farm", b="bank") as (wire, places):
        wire.lose = lambda source, *_rest: source == "b"
        places["f"].send("b", 3, encode_vault(Have((Item(bytes(32), 5),))))
        await settle()
        assert places["b"].vault.exchange.wanted == (bytes(32),)
        for _ in range(2 * PIECE_TRIES + 4):
            places["b"].tick(PIECE_MS)

        assert places["b"].vault.exchange.wanted == ()


async def test_another_blob_than_was_promised_cuts_its_sender():
    one, other = sealed(b"a" * 500), sealed(b"b" * 500)
    async with town(f="farm", b="bank") as (wire, places):
        deaf(wire, "f")
        size = len(other.blob)
        places["f"].send("b", 3, encode_vault(Have((Item(one.id, size),))))
        await until(lambda: places["b"].vault.exchange._fetches)
        places["f"].send("b", 3, encode_vault(Piece(one.id, 0, other.blob)))
        await until(lambda: wire.cut)

        assert wire.cut == [("f", "b", "vault.digest")]
        assert places["b"].vault.index.notes == {}
        assert places["b"].vault.exchange.wanted == ()


async def test_a_blob_for_others_cuts_its_sender():
    one = sealed(b"", ("carrier", "farm"))
    async with town(f="farm", b="bank") as (wire, places):
        deaf(wire, "f")
        places["f"].send("b", 3, encode_vault(Have((Item(one.id, len(one.blob)),))))
        await until(lambda: places["b"].vault.exchange._fetches)
        places["f"].send("b", 3, encode_vault(Piece(one.id, 0, one.blob)))
        await until(lambda: wire.cut)

        assert wire.cut == [("f", "b", "vault.not-named")]
        assert places["b"].files.names() == []


@pytest.mark.parametrize("size", [1, 4, 6])
async def test_a_piece_of_another_size_than_is_left_cuts_its_sender(size):
    async with town(f="farm", b="bank") as (wire, places):
        deaf(wire, "f")
        places["f"].send("b", 3, encode_vault(Have((Item(bytes(32), 5),))))
        await until(lambda: places["b"].vault.exchange._fetches)
        places["f"].send("b", 3, encode_vault(Piece(bytes(32), 0, bytes(size))))
        await until(lambda: wire.cut)

        assert wire.cut == [("f", "b", "vault.piece")]


async def test_a_version_of_later_is_left_alone_and_its_sender_too():
    one = sealed()
    later = b"hsv\x02" + one.blob[4:]
    name = sha256(later)
    async with town(f="farm", b="bank") as (wire, places):
        deaf(wire, "f")
        places["f"].send("b", 3, encode_vault(Have((Item(name, len(later)),))))
        await until(lambda: places["b"].vault.exchange._fetches)
        places["f"].send("b", 3, encode_vault(Piece(name, 0, later)))
        await until(lambda: not places["b"].vault.exchange._fetches)

        assert wire.cut == []
        assert places["b"].vault.index.notes == {}


async def test_a_piece_that_nobody_asked_for_is_ignored():
    async with town(f="farm", b="bank") as (wire, places):
        places["f"].send("b", 3, encode_vault(Piece(bytes(32), 0, b"x")))
        places["f"].send("b", 3, encode_vault(Gone(bytes(32))))
        await settle()

        assert wire.cut == []
        assert places["b"].files.names() == []


async def test_garbage_cuts_its_sender():
    async with town(f="farm", b="bank") as (wire, places):
        places["f"].send("b", 3, VAULT_TAG + b"\x09" + pack(Gone(bytes(32))))
        await until(lambda: wire.cut)

        assert wire.cut == [("f", "b", "message.unknown")]


async def test_a_byte_beyond_the_end_cuts_its_asker():
    one = sealed()
    async with town(f="farm", b="bank") as (wire, places):
        await places["f"].vault.put(one.blob)
        places["b"].send("f", 3, encode_vault(Want(one.id, len(one.blob))))
        await until(lambda: wire.cut)

        assert wire.cut == [("b", "f", "vault.piece")]


async def test_what_a_peer_may_fetch_at_once_is_bounded():
    one = sealed(BIG)
    async with town(f="farm", b="bank") as (wire, places):
        await places["f"].vault.put(one.blob)
        await until(lambda: places["b"].vault.index.has(one.id))
        wire.sent.clear()
        for _ in range(200):
            places["b"].send("f", 3, encode_vault(Want(one.id, 0)))
            await settle()
        pieces = [m for m in wire.sent if m[0] == "f"]

        assert len(pieces) * PIECE_BYTES <= SERVE_BYTES_BURST
        assert places["f"].vault.exchange.refused > 0
        places["f"].time += 1_000
        places["b"].send("f", 3, encode_vault(Want(one.id, 0)))
        await until(lambda: len([m for m in wire.sent if m[0] == "f"]) > len(pieces))


async def test_what_a_peer_may_promise_is_bounded(monkeypatch):
    monkeypatch.setattr("node.vault_store.QUOTA_BLOBS", 10)
    async with town(f="farm", b="bank") as (wire, places):
        deaf(wire, "f")
        many = tuple(Item(bytes([n]) * 32, 5) for n in range(HAVE_MAX - 1))
        places["f"].send("b", 3, encode_vault(Have(many)))
        await settle()

        assert len(places["b"].vault.exchange.wanted) == 10


async def test_a_truncated_file_is_noticed_and_fetched_again():
    one = sealed(BIG)
    async with town(f="farm", b="bank") as (_wire, places):
        await places["f"].vault.put(one.blob)
        await until(lambda: places["b"].vault.index.has(one.id))
        places["b"].files.truncate(one.id.hex() + ".blob", 100)

        assert await code_of(places["b"].vault.get(one.id)) == "vault.damaged"
        await until(lambda: places["b"].vault.index.has(one.id))
        assert await places["b"].vault.get(one.id) == one.blob


async def test_a_file_that_is_gone_at_the_start_is_fetched_again():
    one = sealed(BIG)
    async with town(f="farm", b="bank") as (wire, places):
        await places["f"].vault.put(one.blob)
        await until(lambda: places["b"].vault.index.has(one.id))
        await places["b"].stop()
        places["b"].files.delete(one.id.hex() + ".blob")
        places["b"].open()
        places["b"].start()
        assert not places["b"].vault.index.has(one.id)
        wire.connect("f", "b")

        await until(lambda: places["b"].vault.index.has(one.id))


async def test_a_short_last_piece_costs_as_much_as_a_whole_one():
    one = sealed(BIG)
    async with town(f="farm", b="bank") as (wire, places):
        await places["f"].vault.put(one.blob)
        await until(lambda: places["b"].vault.index.has(one.id))
        wire.sent.clear()
        for _ in range(200):
            places["b"].send("f", 3, encode_vault(Want(one.id, len(one.blob) - 1)))
            await settle()
        pieces = [m for m in wire.sent if m[0] == "f"]

        assert 0 < len(pieces) <= SERVE_BYTES_BURST // PIECE_BYTES


async def test_what_is_waited_for_is_counted_over_whatever_becomes_of_it():
    async with town(f="farm", b="bank", c="carrier") as (wire, places):
        wire.lose = lambda _source, target, _payload: target != "b"
        exchange = places["b"].vault.exchange
        many = tuple(Item(bytes([n]) * 32, 5) for n in range(1, 9))
        places["f"].send("b", 3, encode_vault(Have(many)))
        await settle()
        assert exchange.waiting("farm") == len(exchange.wanted) == 8
        places["f"].send("b", 3, encode_vault(Have(many)))
        places["c"].send("b", 3, encode_vault(Have(many[:3])))
        await settle()
        assert (exchange.waiting("farm"), exchange.waiting("carrier")) == (8, 0)
        exchange.forget(many[7].id)
        wire.disconnect("f", "b")
        assert exchange.waiting("farm") == len(exchange.wanted) == 3
        wire.disconnect("c", "b")
        assert exchange.waiting("farm") == len(exchange.wanted) == 0
