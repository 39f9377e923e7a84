"""The vault over HTTP: scope, limits, and the words of the client."""

import asyncio
import hashlib
import io
from dataclasses import dataclass

import aiohttp
import pytest

from hansa.client.vault import BLOB_TYPE, Vault, WrapView, seal_recipient
from hansa.errors import Rejected, Unavailable
from hansa.keys import key_id
from hansa.seal import (
    BLOB_BYTES_MAX,
    WRAPPING,
    Recipient,
    SealKey,
    open_blob,
    read_header,
    rewrap,
)
from node.api.access import Token
from node.api.routes_vault import VaultRoutes
from node.api.server import ApiServer, ApiSettings
from node.testing import LocalChain
from tests.unit.node.doors import JSON, get, post
from tests.unit.node.vault_scene import KEYS, sealed, town

TOKENS = {
    name: Token(name, hashlib.sha256(name.encode()).digest(), frozenset(scopes))
    for name, scopes in {"vaulter": ("vault",), "reader": ("read", "submit")}.items()
}
NEW = SealKey(b"new".ljust(32, b"."))


@dataclass
class House:
    """An API with a vault of farm behind it."""

    vault: object
    place: object
    url: str

    def client(self, token="vaulter"):  # noqa: S107 - no secret of anybody
        return Vault(self.url, token)

    async def ask(self, method, *arguments):
        """The plain client blocks: it runs in a thread."""
        return await asyncio.to_thread(getattr(self.client(), method), *arguments)


@pytest.fixture
async def house():
    settings = ApiSettings(port=0, tokens=tuple(TOKENS.values()), anonymous=frozenset())
    async with town(f="farm") as (_wire, places):
        vault = places["f"].vault
        more = VaultRoutes(vault).routes()
        async with ApiServer(LocalChain(), settings, version="0", more=more) as server:
            yield House(vault, places["f"], server.url)


@pytest.fixture
async def http(house):
    headers = {"Authorization": "Bearer vaulter"}
    async with aiohttp.ClientSession(house.url, headers=headers) as session:
        yield session


async def code_of(awaitable):
    with pytest.raises((Rejected, Unavailable)) as caught:
        await awaitable
    return caught.value.code


async def test_a_blob_is_put_listed_read_and_erased(house):
    one = sealed(about="consent-1")
    entry = await house.ask("put", one.blob)
    assert (entry.id, entry.state, entry.members) == (one.id.hex(), "held", ("bank", "farm"))

    listed = await house.ask("list")
    assert [item.id for item in listed.items] == [one.id.hex()]
    assert listed.member == "farm"
    assert await house.ask("get", one.id) == one.blob

    erased = await house.ask("erase", one.id)
    assert (erased.state, erased.present, erased.about) == ("erased", False, "consent-1")
    assert await code_of(house.ask("get", one.id)) == "vault.erased"
    assert (await house.ask("entry", one.id)).wraps == ()


async def test_lists_come_in_pages(house):
    blobs = [sealed(bytes([number])) for number in range(5)]
    for one in blobs:
        await house.ask("put", one.blob)

    first = await house.ask("list", 3)
    second = await house.ask("list", 3, first.cursor)

    names = [item.id for item in first.items + second.items]
    assert names == sorted(one.id.hex() for one in blobs)
    assert second.cursor is None


async def test_a_rotated_key_reads_through_a_wrap_beside_the_blob(house):
    one = sealed()
    await house.ask("put", one.blob)
    (own,) = [w for w in read_header(one.blob).wraps if w.member == "farm"]
    await house.ask("add_wrap", one.id, rewrap(own, KEYS["farm"], Recipient("farm", NEW.public)))

    wraps = (await house.ask("entry", one.id)).wraps

    assert [view.local for view in wraps] == [False, False, True]
    blob = await house.ask("get", one.id)
    assert open_blob(blob, NEW, [view.wrap() for view in wraps]).payload == b"secret"


async def test_a_damaged_blob_is_seen_and_can_be_erased(house):
    one = sealed()
    await house.ask("put", one.blob)
    house.place.files.truncate(one.id.hex() + ".blob", 5)

    entry = await house.ask("entry", one.id)
    assert (entry.state, entry.present, entry.wraps) == ("held", False, ())
    assert await code_of(house.ask("get", one.id)) == "vault.damaged"
    assert (await house.ask("erase", one.id)).state == "erased"


async def test_an_unknown_blob_and_one_for_others_look_the_same(house, http):
    foreign = sealed(b"", ("bank",))

    answers = []
    for name in (foreign.id, bytes(32)):
        status, problem, headers = await get(http, f"/v1/vault/{name.hex()}")
        text = problem["detail"].replace(name.hex(), "ID")
        answers.append((status, problem["code"], text, headers["Content-Type"]))

    assert answers[0] == answers[1]
    assert answers[0][:2] == (404, "vault.not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/vault"),
        ("GET", "/v1/vault"),
        ("GET", "/v1/vault/" + "00" * 32),
        ("GET", "/v1/vault/" + "00" * 32 + "/entry"),
        ("POST", "/v1/vault/" + "00" * 32 + "/wraps"),
        ("POST", "/v1/vault/" + "00" * 32 + "/erase"),
    ],
)
async def test_every_route_needs_the_scope(house, method, path):
    found = []
    for headers in ({}, {"Authorization": "Bearer reader"}):
        async with aiohttp.ClientSession(house.url, headers=headers) as session:
            reply = await session.request(method, path)
            found.append((reply.status, (await reply.json(content_type=None))["code"]))

    assert found == [(401, "api.identity"), (403, "api.permission")]


async def test_bodies_are_bounded_and_of_their_type(house, http):
    one = sealed()
    path = f"/v1/vault/{one.id.hex()}"
    await house.ask("put", one.blob)
    blob = {"Content-Type": BLOB_TYPE}
    large = io.BytesIO(bytes(BLOB_BYTES_MAX + 1))

    assert (await post(http, "/v1/vault", one.blob, JSON))[1]["code"] == "api.media-type"
    assert (await post(http, "/v1/vault", b"junk", blob))[1]["code"] == "seal.malformed"
    assert (await post(http, path + "/erase", b"", blob))[1]["code"] == "api.media-type"
    assert (await post(http, path + "/wraps", b"x" * 5_000, JSON))[1]["code"] == "api.too-large"
    assert (await post(http, path + "/wraps", b"{", JSON))[1]["code"] == "api.body"
    short = b'{"member":"farm","to_key_id":"00","alg":"x25519-sealedbox","ek":"AA=="}'
    assert (await post(http, path + "/wraps", short, JSON))[1]["code"] == "api.body"
    assert (await post(http, "/v1/vault", large, blob))[0] == 413
    assert house.vault.note(one.id).state == "held"


async def test_a_blob_of_16_mebibytes_passes(house):
    one = sealed(bytes(BLOB_BYTES_MAX - 8 * 1024))

    await house.ask("put", one.blob)

    assert await house.ask("get", one.id) == one.blob


async def test_a_body_without_a_length_is_refused(house, http):
    async def pieces():
        yield sealed().blob

    async with http.post(
        "/v1/vault", data=pieces(), headers={"Content-Type": BLOB_TYPE}
    ) as response:
        assert (await response.json(content_type=None))["code"] == "api.length"


async def test_a_body_that_ends_early_is_kept_by_nobody(house):
    host, port = house.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    lines = (
        "POST /v1/vault HTTP/1.1",
        "Host: x",
        "Authorization: Bearer vaulter",
        f"Content-Type: {BLOB_TYPE}",
        "Content-Length: 900",
    )
    writer.write("\r\n".join([*lines, "", ""]).encode() + sealed().blob[:100])
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.05)

    assert house.vault.index.notes == {}
    assert await house.ask("put", sealed().blob)


def test_a_wrapping_of_another_kind_is_refused():
    with pytest.raises(Rejected) as caught:
        WrapView("farm", "0" * 16, "rsa", bytes(80)).wrap()
    assert caught.value.code == "client.reply"
    assert WrapView("farm", "0" * 16, WRAPPING, bytes(80)).wrap().member == "farm"


class Chain:
    """What `seal_recipient` asks of a client: the state."""

    def __init__(self, **values):
        self.values = values

    def state(self, key):
        return self.values.get(key.rpartition("/")[2], Missing)


class Missing:
    value = None


def held(**value):
    return type("Held", (), {"value": value})


def test_it_is_sealed_to_the_live_key_of_the_use_alone():
    old, new = KEYS["bank"], NEW
    chain = Chain(
        farm=held(keys=["signs", old.id, new.id]),
        signs=held(public="01" * 33, use="member"),
        **{
            old.id: held(public=old.public.hex(), use="seal", valid_to=7),
            new.id: held(public=new.public.hex(), use="seal"),
        },
    )

    assert seal_recipient(chain, "farm") == Recipient("farm", new.public)
    assert key_id(new.public) == new.id


@pytest.mark.parametrize("chain", [Chain(), Chain(farm=held(keys=[]))])
def test_to_a_member_without_a_key_nothing_is_sealed(chain):
    with pytest.raises(Rejected) as caught:
        seal_recipient(chain, "farm")
    assert caught.value.code == "seal.no-key"
