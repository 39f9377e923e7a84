"""A vault and its own organisation: put, erase, wrap again; disks that fill and fail."""

import pytest

from hansa.errors import Rejected, Unavailable
from hansa.seal import Recipient, SealKey, open_blob, read_header, rewrap
from node import vault_exchange
from node.vault import RESERVE_BYTES
from node.vault_messages import (
    PIECE_BYTES,
    Have,
    Item,
    Want,
    encode_vault,
)
from tests.unit.node.vault_scene import CHAIN, KEYS, deaf, sealed, settle, town, until

BIG = b"0123456789abcdef" * (3 * PIECE_BYTES // 16)


async def code_of(awaitable):
    with pytest.raises((Rejected, Unavailable)) as caught:
        await awaitable
    return caught.value.code


async def test_an_erased_blob_comes_back_from_nobody():
    one = sealed()
    async with town(f="farm", b="bank") as (wire, places):
        await places["f"].vault.put(one.blob)
        await until(lambda: places["b"].vault.index.has(one.id))
        tombstone = await places["b"].vault.erase(one.id)
        wire.disconnect("f", "b")
        wire.connect("f", "b")
        await settle()

        assert places["b"].vault.exchange.wanted == ()
        assert await code_of(places["b"].vault.get(one.id)) == "vault.erased"
        assert await code_of(places["b"].vault.put(one.blob)) == "vault.erased"
        assert await places["b"].vault.erase(one.id) == tombstone
        assert places["b"].files.names() == [one.id.hex() + ".note"]
        assert await places["f"].vault.get(one.id) == one.blob


async def test_an_erasure_survives_a_start():
    one = sealed()
    async with town(f="farm", b="bank") as (wire, places):
        await places["f"].vault.put(one.blob)
        await until(lambda: places["b"].vault.index.has(one.id))
        await places["b"].vault.erase(one.id)
        await places["b"].stop()
        places["b"].open()
        places["b"].start()
        wire.connect("f", "b")
        await settle()

        assert await code_of(places["b"].vault.get(one.id)) == "vault.erased"


async def test_a_blob_for_others_or_of_another_chain_is_not_put():
    async with town(f="farm") as (_wire, places):
        vault = places["f"].vault
        foreign = sealed(b"", ("bank",))

        assert await code_of(vault.put(foreign.blob)) == "vault.not-named"
        assert await code_of(vault.put(sealed(chain_id="other").blob)) == "vault.not-named"
        assert await code_of(vault.put(b"junk")) == "seal.malformed"
        assert await code_of(vault.put(bytes(2**24 + 1))) == "seal.too-large"
        assert places["f"].files.names() == []


async def test_putting_twice_is_putting_once():
    one = sealed()
    async with town(f="farm") as (_wire, places):
        first = await places["f"].vault.put(one.blob)

        assert await places["f"].vault.put(one.blob) == first


async def test_a_full_disk_refuses_and_leaves_room_to_the_chain():
    one = sealed()
    async with town(f="farm", b="bank") as (_wire, places):
        places["f"].free = RESERVE_BYTES + len(one.blob) - 1
        assert await code_of(places["f"].vault.put(one.blob)) == "vault.full"
        assert places["f"].files.names() == []
        places["f"].free += 1
        await places["f"].vault.put(one.blob)


async def test_a_disk_that_fails_once_stops_nothing_and_the_blob_is_fetched_again():
    one = sealed()
    async with town(f="farm", b="bank") as (_wire, places):
        places["b"].files.fail("replace", "enospc")
        await places["f"].vault.put(one.blob)
        await until(lambda: places["b"].vault.exchange.fetched == 1)
        await until(lambda: places["b"].vault.exchange.wanted == (one.id,))
        assert not places["b"].vault.index.has(one.id)
        places["b"].tick(60_000)

        await until(lambda: places["b"].vault.index.has(one.id))


async def test_a_disk_that_stays_full_is_tried_ever_less_often():
    one = sealed()
    async with town(f="farm", b="bank") as (_wire, places):
        bank = places["b"]
        bank.free = RESERVE_BYTES
        await places["f"].vault.put(one.blob)
        for _ in range(120):
            await settle()
            bank.tick(1_000)
        assert 5 <= bank.vault.exchange.fetched <= 8
        bank.free *= 2
        bank.tick(600_000)

        await until(lambda: bank.vault.index.has(one.id))


async def test_what_a_full_disk_refused_too_often_is_forgotten(monkeypatch):
    monkeypatch.setattr(vault_exchange, "TRIES_MAX", 1)
    async with town(f="farm", b="bank") as (_wire, places):
        places["b"].free = 0
        await places["f"].vault.put(sealed().blob)
        await until(lambda: places["b"].vault.exchange.fetched == 1)
        await settle()

        assert places["b"].vault.exchange.wanted == ()


async def test_a_blob_that_is_erased_while_it_is_fetched_again_is_left():
    one = sealed(BIG)
    async with town(f="farm", b="bank") as (wire, places):
        await places["f"].vault.put(one.blob)
        await until(lambda: places["b"].vault.index.has(one.id))
        deaf(wire, "f")
        places["b"].files.truncate(one.id.hex() + ".blob", 5)
        assert await code_of(places["b"].vault.get(one.id)) == "vault.damaged"
        assert places["b"].vault.exchange._fetches
        await places["b"].vault.erase(one.id)

        assert places["b"].vault.exchange._fetches == {}
        assert places["b"].vault.exchange.wanted == ()


async def test_what_arrives_after_a_connection_has_ended_is_ignored():
    async with town(f="farm", b="bank") as (wire, places):
        wire.disconnect("f", "b")
        places["b"].vault.on_frame("f", encode_vault(Have((Item(bytes(32), 5),))))

        assert places["b"].vault.exchange.wanted == ()


async def test_a_file_lost_before_a_piece_was_read_is_not_served_and_fetched_again():
    one = sealed(BIG)
    async with town(f="farm", b="bank", f2="farm") as (wire, places):
        await places["f"].vault.put(one.blob)
        await until(lambda: all(places[n].vault.index.has(one.id) for n in ("b", "f2")))
        places["b"].files.truncate(one.id.hex() + ".blob", 5)
        wire.sent.clear()
        places["f2"].send("b", 3, encode_vault(Want(one.id, 0)))
        await until(lambda: [m for m in wire.sent if m[0] == "b" and m[2][1:2] == b"\x02"])
        await until(lambda: places["b"].vault.index.has(one.id))

        assert not [m for m in wire.sent if m[:2] == ("b", "f2") and m[2][1:2] == b"\x03"]


async def test_a_disk_that_fails_while_serving_sends_nothing():
    one = sealed()
    async with town(f="farm", b="bank", f2="farm") as (wire, places):
        await places["f"].vault.put(one.blob)
        await until(lambda: all(places[n].vault.index.has(one.id) for n in ("b", "f2")))
        places["b"].files.fail("read", "eio")
        wire.sent.clear()
        for _ in range(2):
            places["f2"].send("b", 3, encode_vault(Want(one.id, 0)))
        await until(lambda: [m for m in wire.sent if m[0] == "b"])
        await settle()

        assert len([m for m in wire.sent if m[0] == "b"]) == 1


async def test_a_disk_that_fails_while_reading_is_told_and_not_served():
    one = sealed()
    async with town(f="farm", b="bank") as (_wire, places):
        await places["f"].vault.put(one.blob)
        await until(lambda: places["b"].vault.index.has(one.id))
        places["b"].files.fail("read", "eio")

        assert await code_of(places["b"].vault.get(one.id)) == "vault.disk"
        assert await places["b"].vault.get(one.id) == one.blob


async def test_a_wrap_for_a_new_key_is_kept_beside_the_blob_and_goes_with_it():
    one = sealed()
    new = SealKey(b"new".ljust(32, b"."))
    async with town(f="farm") as (_wire, places):
        vault = places["f"].vault
        await vault.put(one.blob)
        (own,) = [w for w in read_header(one.blob).wraps if w.member == "farm"]
        wrap = rewrap(own, KEYS["farm"], Recipient("farm", new.public))
        await vault.add_wrap(one.id, wrap)
        note = await vault.add_wrap(one.id, wrap)

        assert note.wraps == (wrap,)
        assert open_blob(await vault.get(one.id), new, note.wraps).payload == b"secret"
        await places["f"].stop()
        places["f"].open()
        assert places["f"].vault.note(one.id).wraps == (wrap,)
        assert (await places["f"].vault.erase(one.id)).wraps == ()
        assert await code_of(places["f"].vault.add_wrap(one.id, wrap)) == "vault.erased"


async def test_wraps_are_for_the_own_organisation_and_bounded(monkeypatch):
    monkeypatch.setattr("node.vault.LOCAL_WRAPS_MAX", 1)
    one = sealed()
    async with town(f="farm") as (_wire, places):
        vault = places["f"].vault
        await vault.put(one.blob)
        own, of_bank = sorted(read_header(one.blob).wraps, key=lambda w: w.member == "bank")
        later = rewrap(own, KEYS["farm"], Recipient("farm", SealKey(b"n" * 32).public))

        assert await code_of(vault.add_wrap(one.id, of_bank)) == "vault.not-named"
        await vault.add_wrap(one.id, own)
        assert await code_of(vault.add_wrap(one.id, later)) == "vault.wraps"
        assert await code_of(vault.add_wrap(bytes(32), own)) == "vault.not-found"


async def test_a_wrap_for_a_damaged_blob_does_not_hide_the_damage():
    one = sealed()
    async with town(f="farm") as (_wire, places):
        vault = places["f"].vault
        await vault.put(one.blob)
        places["f"].files.truncate(one.id.hex() + ".blob", 10)
        assert await code_of(vault.get(one.id)) == "vault.damaged"
        (own,) = [w for w in read_header(one.blob).wraps if w.member == "farm"]
        await vault.add_wrap(one.id, own)

        assert not vault.index.has(one.id)
        await vault.put(one.blob)
        assert await vault.get(one.id) == one.blob
        assert vault.note(one.id).wraps == (own,)


def test_the_scene_has_the_chain_of_the_blobs():
    assert read_header(sealed().blob).chain_id == CHAIN
