"""Sealed data on a real network: four organisations, four nodes, their own disks."""

import os
import signal

import pytest

from hansa.client.transactions import make
from hansa.client.vault import Vault
from hansa.consent import consent_digest, subject_of
from hansa.errors import Rejected, Unavailable
from hansa.keyfile import open_key_file
from hansa.seal import Recipient, SealKey, read_header, seal_payload
from hansa.signing import SigningKey
from hansa.transaction import Call
from node import demo
from node.clock import wall_ms
from tests.integration.network import DemoNetwork, until

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

ARRIVAL_S = 30
NODES = {"farm": "node0", "roastery": "node1", "carrier": "node2", "retailer": "node3"}
LARGE = 12 * 1024 * 1024


class Town:
    """The demo's network, and the seal keys that its organisations have named."""

    def __init__(self, network, folder):
        self.network = network
        self.folder = folder

    def run(self, *words, code=0):
        ended = self.network.hansa("vault", *words, "-o", "json")
        assert ended.code == code, (ended.out, ended.err)
        return ended.document

    def vault(self, member):
        return Vault(self.network.entry(NODES[member]).api)

    def seal(self, name, content, members, *more):
        """Seal a file as farm and put it: the blob's id."""
        path = self.folder / name
        path.write_bytes(content)
        to = [word for member in members for word in ("--to", member)]
        blob = self.folder / (name + ".blob")
        self.run("seal", path, *to, "--as", "farm", "-O", blob, *more)
        return self.run("put", blob, "--as", "farm")["id"]

    def has(self, member, blob_id):
        page = self.vault(member).list(200)
        return any(item.id == blob_id and item.present for item in page.items)

    def arrived(self, member, blob_id):
        until(lambda: self.has(member, blob_id), ARRIVAL_S, f"{member} holds {blob_id}")

    def kill(self, member):
        """SIGKILL; gives back when the process is gone."""
        (process,) = [p for p in self.network.processes() if p.entry.name == NODES[member]]
        os.kill(process.pid, signal.SIGKILL)
        demo.kill(process)

    def files(self, member):
        folder = self.network.home / NODES[member] / "vault"
        return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sealed")
    network = DemoNetwork(folder / "demo")
    try:
        network.up()
        made = Town(network, folder)
        for member in ("farm", "roastery", "carrier"):
            made.run("key", "--as", member)
        yield made
    finally:
        network.close()


def test_the_named_read_it_and_the_others_do_not_even_learn_of_it(town):
    blob_id = town.seal("deal.json", b'{"b": 2, "a": 1}', ["roastery"])
    town.arrived("roastery", blob_id)

    out = town.folder / "read.json"
    opened = town.run("get", blob_id, "--as", "roastery", "-O", out)
    refused = town.run("get", blob_id, "--as", "carrier", "-O", out, code=66)
    unknown = town.run("get", "00" * 32, "--as", "carrier", "-O", out, code=66)

    listed = town.run("list", "--as", "roastery")["blobs"]

    assert out.read_bytes() == b'{"a":1,"b":2}'
    assert (blob_id, True, "farm") in [(row["id"], row["present"], row["author"]) for row in listed]
    assert opened["author"] == "farm"
    said = [error["error"]["why"].replace(blob_id, "00" * 32) for error in (refused, unknown)]
    assert said[0] == said[1]
    assert not [name for name in town.files("carrier") if blob_id in name]


def test_nothing_is_sealed_to_who_has_named_no_key(town):
    path = town.folder / "x.txt"
    path.write_text("x")

    ended = town.run("seal", path, "--to", "retailer", "--as", "farm", code=65)

    assert ended["error"]["code"] == "seal.no-key"


def test_a_blob_for_others_is_not_taken(town):
    key = SealKey(b"k" * 32)
    chain = town.network.status("node0").chain_id
    foreign = seal_payload(b"", [Recipient("carrier", key.public)], chain_id=chain, author="farm")

    with pytest.raises(Rejected) as caught:
        town.vault("farm").put(foreign.blob)
    assert caught.value.code == "vault.not-named"


def test_a_large_blob_reaches_a_node_that_was_killed_while_it_came(town):
    town.kill("carrier")
    blob_id = town.seal("large.bin", os.urandom(LARGE), ["carrier"])
    town.network.start(NODES["carrier"])
    town.kill("carrier")  # in the middle of it, or before, or after: all must end alike
    town.network.start(NODES["carrier"])

    town.arrived("carrier", blob_id)

    assert town.vault("carrier").get(bytes.fromhex(blob_id)) is not None
    assert not [name for name in town.files("carrier") if name.endswith(".tmp")]


def test_what_a_crash_left_half_written_is_removed_and_fetched_anew(town):
    town.kill("roastery")
    blob_id = town.seal("torn.bin", os.urandom(300_000), ["roastery"])
    folder = town.network.home / NODES["roastery"] / "vault"
    blob = (town.folder / "torn.bin.blob").read_bytes()
    (folder / f"{blob_id}.blob.tmp").write_bytes(blob[:1_000])
    (folder / f"{blob_id}.blob").write_bytes(blob[:2_000])
    town.network.start(NODES["roastery"])

    town.arrived("roastery", blob_id)

    assert town.vault("roastery").get(bytes.fromhex(blob_id)) == blob
    assert f"{blob_id}.blob.tmp" not in town.files("roastery")


def test_a_truncated_file_is_noticed_and_fetched_again(town):
    blob_id = town.seal("rot.bin", os.urandom(300_000), ["roastery"])
    town.arrived("roastery", blob_id)
    town.kill("roastery")
    path = town.network.home / NODES["roastery"] / "vault" / f"{blob_id}.blob"
    path.write_bytes(path.read_bytes()[:-1])
    town.network.start(NODES["roastery"])
    vault = town.vault("roastery")

    def whole():
        try:
            return vault.get(bytes.fromhex(blob_id))
        except Unavailable:
            return None

    assert until(whole, ARRIVAL_S, "fetched again") == (town.folder / "rot.bin.blob").read_bytes()


def test_a_rotated_key_opens_what_was_sealed_to_the_old_one(town):
    blob_id = town.seal("old.txt", b"before the rotation", ["roastery"])
    town.arrived("roastery", blob_id)
    keys = town.network.home / "members" / "roastery" / "keys"
    old = list(keys.glob("seal-*.json"))
    town.run("key", "--as", "roastery")
    done = town.run("rewrap", "--as", "roastery")
    for path in old:
        path.unlink()

    out = town.folder / "old.out"
    town.run("get", blob_id, "--as", "roastery", "-O", out)
    later = town.seal("new.txt", b"after it", ["roastery"])
    town.arrived("roastery", later)
    town.run("get", later, "--as", "roastery", "-O", town.folder / "new.out")

    assert out.read_bytes() == b"before the rotation"
    assert done["rewrapped"] >= 1
    assert town.run("rewrap", "--as", "roastery")["rewrapped"] == 0
    wraps = read_header((town.folder / "new.txt.blob").read_bytes()).wraps
    assert {wrap.to_key_id for wrap in wraps}.isdisjoint(
        path.stem.removeprefix("seal-") for path in old
    )


def test_an_erasure_leaves_a_receipt_of_each_holder_and_brings_nothing_back(town):
    consent = consented(town)
    blob_id = town.seal("person.json", b'{"name":"Li"}', ["roastery"], "--about", consent)
    town.arrived("roastery", blob_id)

    town.run("erase", blob_id, "--as", "roastery")
    town.run("erase", blob_id, "--as", "roastery")
    shown = town.run("status", blob_id, "--as", "roastery")
    told = town.run("get", blob_id, "--as", "roastery", "-O", town.folder / "p.json", code=65)
    proof = town.folder / "erased.proof.json"
    key = f"grant/erasure/{consent}/roastery/{blob_id}"
    proved = town.network.hansa("prove", "state", key, "-O", proof)
    town.kill("roastery")
    town.network.start(NODES["roastery"])

    assert {row["holder"]: row["erased"] for row in shown["holders"]} == {
        "farm": False,
        "roastery": True,
    }
    assert told["error"]["code"] == "vault.erased"
    assert proved.code == 0, proved.err
    assert not town.has("roastery", blob_id)
    assert f"{blob_id}.blob" not in town.files("roastery")
    assert town.has("farm", blob_id)


@pytest.mark.parametrize(("about", "code"), [([], 2), (["--about", "nobody-agreed"], 66)])
def test_without_an_agreement_or_consent_nothing_is_erased(town, about, code):
    blob_id = town.seal(f"free-{code}.txt", b"x", [])

    ended = town.run("erase", blob_id, "--as", "farm", *about, code=code)

    assert ended["error"]["code"] == "vault.about"
    assert town.has("farm", blob_id)


def consented(town):
    """A consent on the chain, signed by a person who is no member."""
    person = SigningKey.generate()
    desk = town.network.home / "members" / "farm" / "keys" / "desk.json"
    with town.network.client("node0") as client:
        status = client.status()
        until_ms = wall_ms() + 3_600_000
        subject, scope, name = subject_of(person.public), b"s" * 32, "consent-1"
        digest = consent_digest(status.chain_id, name, subject, "farm", "service", scope, until_ms)
        call = Call.of(
            "grant",
            "consent",
            {
                "id": name,
                "subject": subject,
                "controller": "farm",
                "purpose": "service",
                "scope_digest": scope,
                "until": until_ms,
                "key": person.public,
                "signature": person.sign(digest),
            },
        )
        key = open_key_file(desk).key
        signed = make(status.chain_id, key, [call], expires_at=wall_ms() + 60_000)
        reply = client.submit(signed, "commit", 20)
        assert reply.fate is not None
        assert reply.fate.state == "committed", reply
    return name
