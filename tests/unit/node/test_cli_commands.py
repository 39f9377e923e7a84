"""Commands against a chain in this process behind the real API."""

import asyncio
import hashlib
import json
import re
import time

import msgspec
import pytest

from hansa.keyfile import create_dev_key_file
from node.api.server import ApiServer, ApiSettings
from node.cli.root import run
from node.local_node import LocalNode
from node.network import Network, NodeEntry, write_network
from node.testing import LocalChain

MEMBERS = ("farm", "roastery", "carrier", "retailer")
DEAD = "http://127.0.0.1:9"
"""The discard port: nobody listens."""


class Place:
    """A network's directory whose node0 is a chain in this process."""

    def __init__(self, home, chain, node, api, capsys):
        self.home = home
        self.chain = chain
        self.node = node
        self.api = api
        self._capsys = capsys

    async def hansa(self, *arguments, home=True):
        """Run a command line: exit code, stdout, stderr."""
        line = [*arguments, *(["--home", str(self.home)] if home else [])]
        code = await asyncio.to_thread(run, line)
        out, err = self._capsys.readouterr()
        return code, out, err

    async def json(self, *arguments):
        """Run a command line that must succeed: its JSON document."""
        code, out, err = await self.hansa(*arguments, "-o", "json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
async def place(tmp_path, capsys):
    """A network of four members, of which only node0 answers."""
    with LocalChain() as chain:
        chain.advance(time.time_ns() // 1_000_000 - chain.time)
        node = LocalNode(chain)
        async with ApiServer(node, ApiSettings(port=0), version="local") as server:
            home = tmp_path / "net"
            home.mkdir()
            apis = [server.url, DEAD, DEAD, DEAD]
            entries = tuple(
                NodeEntry(f"node{i}", member, "127.0.0.1", apis[i], f"127.0.0.1:{i}", f"node{i}")
                for i, member in enumerate(MEMBERS)
            )
            write_network(home, Network(chain.chain_id, entries, development_keys=True))
            (home / "trust.json").write_bytes(chain.trust())
            for member in MEMBERS:
                keys = home / "members" / member / "keys"
                keys.mkdir(parents=True)
                create_dev_key_file(keys / "desk.json", chain.key(member), "user")
            yield Place(home, chain, node, server.url, capsys)


@pytest.fixture
def letter(tmp_path):
    """A document."""
    path = tmp_path / "letter.txt"
    path.write_bytes(b"Dear roastery")
    return path


async def register(place, letter):
    """Register the document as the farm."""
    return await place.json("doc", "register", "--file", str(letter), "--as", "farm", "--wait")


async def test_a_document_is_registered_and_shown(place, letter):
    done = await register(place, letter)
    record = await place.json("doc", "show", done["id"])

    digest = hashlib.sha256(letter.read_bytes()).hexdigest()
    assert (done["fate"], done["height"], done["digest"]) == ("committed", 2, digest)
    assert (record["digest"], record["state"], record["owner"]) == (digest, "complete", "farm")


async def test_a_commit_is_told_in_a_sentence_that_names_the_next_command(place, letter):
    line = ("doc", "register", "--file", str(letter), "--as", "farm", "--wait", "-o", "table")
    code, out, err = await place.hansa(*line)

    pattern = (
        r"✓ committed  tx [0-9a-f]{12}  height 2  in \d+\.\d\d s  \(3 of 4 validators signed\)\n"
    )
    assert code == 0
    assert re.fullmatch(pattern, out)
    assert "next: hansa prove tx" in err


async def test_the_same_document_twice_is_refused_with_73(place, letter):
    await register(place, letter)
    line = ("doc", "register", "--file", str(letter), "--as", "farm", "--wait", "-o", "json")
    code, out, err = await place.hansa(*line)

    told = json.loads(out)
    assert code == 73
    assert (told["error"]["code"], told["fate"]) == ("refused.EXISTS", "refused")
    assert err.startswith("✗ refused, EXISTS")


async def test_a_document_that_needs_two_is_complete_when_both_have_signed(place, letter):
    needs = ("--needs", "farm", "--needs", "carrier")
    line = ("doc", "register", "--file", str(letter), "--as", "farm", "--wait", *needs)
    done = await place.json(*line)
    await place.json("doc", "sign", done["id"], "--as", "farm", "--wait")
    await place.json("doc", "sign", done["id"], "--as", "carrier", "--wait")

    assert (await place.json("doc", "show", done["id"]))["state"] == "complete"


async def test_a_document_that_is_not_there_is_66(place):
    code, _, err = await place.hansa("doc", "show", "nothing")

    assert code == 66
    assert "code: doc.not-found" in err


async def test_a_wait_without_a_quorum_ends_with_75_and_says_who_is_missing(place, letter):
    place.node.hold()
    line = ("doc", "register", "--file", str(letter), "--as", "farm", "--wait", "--timeout", "50ms")
    code, _, err = await place.hansa(*line)

    assert code == 75
    assert err.startswith("✗ not committed within 50 ms")
    assert "stays in the mempool until" in err
    assert "next: hansa status" in err


async def test_without_wait_the_transaction_is_accepted_and_can_be_waited_for(place, letter):
    place.node.hold()
    line = ("doc", "register", "--file", str(letter), "--as", "farm")
    done = await place.json(*line)
    await place.node.release()
    waited = await place.json("wait", f"tx={done['tx_id'][:12]}")

    assert (done["fate"], waited["holds"]) == ("pending", True)


async def test_nobody_can_sign_as_a_stranger(place, letter):
    code, _, err = await place.hansa("doc", "register", "--file", str(letter), "--as", "elba")

    assert code == 66
    assert "choose of: carrier, farm, retailer, roastery" in err


async def test_a_key_may_be_given_as_a_file(place, letter):
    key = place.home / "members" / "farm" / "keys" / "desk.json"
    line = ("doc", "register", "--file", str(letter), "--as", "farm", "--key", str(key), "--wait")
    code, out, _ = await place.hansa(*line, "--api", place.api, "-o", "json", home=False)

    assert (code, json.loads(out)["fate"]) == (0, "committed")


async def test_any_unique_prefix_of_eight_digits_names_a_transaction(place, letter):
    tx_id = (await register(place, letter))["tx_id"]
    code, out, _ = await place.hansa("tx", "show", tx_id[:8], "height")
    shown = await place.json("tx", "show", tx_id)

    assert (code, out) == (0, "2\n")
    assert shown["transaction"]["calls"][0]["method"] == "register"


async def test_a_transaction_of_somebody_else_is_found_in_the_newest_blocks(place, letter):
    tx_id = (await register(place, letter))["tx_id"]
    (place.home / "cli" / "ids").unlink()

    assert (await place.json("tx", "show", tx_id[:12]))["tx_id"] == tx_id


@pytest.mark.parametrize(
    ("text", "code", "exit_code"),
    [("abc", "tx.id", 2), ("xyzxyzxyz", "tx.id", 2), ("0" * 12, "tx.not-found", 66)],
)
async def test_what_names_no_transaction_is_refused(place, text, code, exit_code):
    ended, _, err = await place.hansa("tx", "show", text)

    assert ended == exit_code
    assert f"code: {code}" in err


async def test_a_prefix_of_two_transactions_is_ambiguous(place):
    ids = place.home / "cli" / "ids"
    ids.parent.mkdir()
    ids.write_text("\n".join(["ab" * 4 + "0" * 56, "ab" * 4 + "1" * 56]))
    code, _, err = await place.hansa("tx", "show", "ab" * 4)

    assert (code, "code: tx.ambiguous" in err) == (2, True)


async def test_an_unknown_field_is_named_with_those_that_exist(place, letter):
    tx_id = (await register(place, letter))["tx_id"]
    code, _, err = await place.hansa("tx", "show", tx_id, "size")

    assert (code, "transaction, receipt" in err) == (2, True)


async def test_a_transaction_is_shown_as_rows_of_field_and_value(place, letter):
    tx_id = (await register(place, letter))["tx_id"]
    _, out, _ = await place.hansa("tx", "show", tx_id, "-o", "tsv")

    rows = dict(line.split("\t") for line in out.splitlines()[1:])
    assert (rows["state"], rows["call 0"]) == ("committed", "doc.register")


async def test_a_call_is_built_signed_and_submitted_in_one_step(place):
    arguments = json.dumps({"id": "a", "digest": {"$bytes": "11" * 32}})
    done = await place.json("tx", "call", "doc.register", arguments, "--as", "farm", "--wait")

    assert done["results"] == [{"id": "a", "state": "complete", "version": 1}]


@pytest.mark.parametrize(
    "call",
    [
        ("doc", "{}"),
        ("doc.register", "{"),
        ("doc.register", "[]"),
        ("doc.register", '{"id": 1.5}'),
        ("doc.register", '{"é": 1}'),
    ],
)
async def test_what_is_no_call_is_65(place, call):
    code, _, err = await place.hansa("tx", "call", *call, "--as", "farm")

    assert (code, "code: tx.call" in err) == (65, True)


async def test_a_transaction_travels_from_desk_to_desk(place, tmp_path):
    arguments = tmp_path / "args.json"
    arguments.write_text(json.dumps({"id": "a", "digest": {"$bytes": "22" * 32}}))
    file = tmp_path / "a.partial.json"
    built = await place.json(
        *("tx", "build", "doc.register", f"@{arguments}", "--as", "farm"),
        *("--cosign", "carrier", "-O", str(file)),
    )
    early, _, err = await place.hansa("tx", "submit", str(file))
    signed = await place.json("tx", "sign", str(file), "--as", "carrier")
    sent = await place.json("tx", "submit", str(file), "--wait")

    assert (built["signed"], len(built["missing"])) == (1, 1)
    assert (early, "partial.incomplete" in err) == (65, True)
    assert signed["missing"] == []
    assert (sent["tx_id"], sent["fate"]) == (built["tx_id"], "committed")


async def test_a_file_is_not_written_over_by_a_new_transaction(place, tmp_path):
    file = tmp_path / "a.json"
    file.write_text("mine")
    line = ("tx", "build", "doc.register", "--as", "farm", "-O", str(file))
    code, _, err = await place.hansa(*line)

    assert (code, "code: file.exists" in err, file.read_text()) == (73, True, "mine")


async def test_events_of_a_document_are_captured_once(place, vectors):
    file = str(vectors / "epcis" / "EPCISQueryDocument.jsonld")
    line = ("epcis", "capture", file, "--as", "roastery", "--wait")
    first = (await place.json(*line))["events"]
    second = (await place.json(*line))["events"]

    assert [event["duplicate"] for event in first] == [False, False]
    assert [event["duplicate"] for event in second] == [True, True]
    assert [(e["id"], e["tx_id"], e["height"]) for e in first] == [
        (e["id"], e["tx_id"], e["height"]) for e in second
    ]
    assert first[0]["id"].startswith("ni:///sha-256;")


async def test_a_refused_event_is_named_by_its_json_path(place, tmp_path):
    file = tmp_path / "bad.jsonld"
    file.write_text('{"type": "ObjectEvent"}')
    code, _, err = await place.hansa("epcis", "capture", str(file), "--as", "farm", "--wait")

    assert code == 65
    assert "code: epcis." in err


async def test_an_event_that_a_rule_refuses_tells_the_rule_and_the_place(place, tmp_path):
    event = {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "ObjectEvent",
        "eventTime": "2099-09-12T10:15:00+08:00",
        "eventTimeZoneOffset": "+08:00",
        "epcList": ["https://id.gs1.org/01/09520600001012/21/A"],
        "action": "OBSERVE",
    }
    file = tmp_path / "early.jsonld"
    file.write_text(json.dumps(event))
    line = ("epcis", "capture", str(file), "--as", "farm", "--wait", "-o", "json")
    code, out, _ = await place.hansa(*line)

    told = json.loads(out)
    assert code == 1
    assert (told["error"]["code"], told["path"]) == ("refused.TIME", "/eventTime")


async def test_status_shows_every_node_and_who_does_not_answer(place):
    seen = await place.json("status")

    assert seen["chain_id"] == place.chain.chain_id
    assert (seen["quorum"]["validators"], seen["quorum"]["need"]) == (4, 3)
    assert (seen["quorum"]["live"], seen["quorum"]["reached"]) == (1, False)
    assert [node["state"] for node in seen["nodes"][1:]] == ["unreachable"] * 3
    assert (seen["nodes"][0]["height"], seen["nodes"][0]["trails_by"]) == (1, 0)


async def test_status_says_so_when_there_is_no_quorum(place):
    code, out, err = await place.hansa("status", "-o", "table")

    assert code == 0
    assert err.startswith("! answers come from each node itself; there is no quorum now")
    assert "quorum 1 of 4 (need 3)" in out
    assert "missing: roastery, carrier, retailer" in err


async def test_status_of_one_address_believes_that_node(place):
    code, out, _ = await place.hansa("status", "--api", place.api, "-o", "json", home=False)

    assert (code, json.loads(out)["quorum"]["live"]) == (0, 4)


async def test_a_node_of_another_chain_is_no_answer(place):
    entries = (NodeEntry("node0", "farm", "127.0.0.1", place.api, "127.0.0.1:1", "node0"),)
    write_network(place.home, Network("hansa-other", entries))
    code, _, err = await place.hansa("status")
    talk, _, other = await place.hansa("block", "list")

    assert (code, talk) == (69, 69)
    assert f"node0 of {place.chain.chain_id} listens" in err + other


async def test_when_nobody_answers_it_is_69_and_the_next_command_is_named(place):
    entries = tuple(
        NodeEntry(f"node{i}", name, "127.0.0.1", DEAD, "x:1", f"node{i}")
        for i, name in enumerate(MEMBERS)
    )
    write_network(place.home, Network(place.chain.chain_id, entries))
    code, _, err = await place.hansa("block", "list")

    assert code == 69
    assert "next: hansa demo" in err


async def test_health_says_ready(place):
    assert (await place.json("health"))["ready"] is True


@pytest.mark.parametrize("condition", ["ready", "height=1"])
async def test_a_condition_that_holds_ends_the_wait(place, condition):
    assert (await place.json("wait", condition))["holds"] is True


@pytest.mark.parametrize("condition", ["height=99", "quorum", "synced"])
async def test_a_condition_that_does_not_hold_in_time_is_75(place, condition):
    code, _, err = await place.hansa("wait", condition, "--timeout", "50ms")

    assert (code, "code: wait.timeout" in err) == (75, True)


@pytest.mark.parametrize("condition", ["sunshine", "height", "ready=1", "height=x"])
async def test_what_is_no_condition_is_a_usage_error(place, condition):
    code, _, err = await place.hansa("wait", condition)

    assert (code, "code: usage" in err) == (2, True)


async def test_blocks_are_listed_and_shown(place, letter):
    await register(place, letter)
    blocks = (await place.json("block", "list"))["blocks"]
    shown = await place.json("block", "show", "2")
    _, signers, _ = await place.hansa("block", "show", "2", "certificate.signers")
    _, table, _ = await place.hansa("block", "show", "-o", "table")

    assert [block["height"] for block in blocks][:2] == [2, 1]
    assert shown["transactions"][0]["calls"] == ["doc.register"]
    assert len(json.loads(signers)) == 3
    assert table.startswith("height 2  1 transactions")


async def test_a_block_needs_a_height_and_a_field_that_exist(place):
    assert (await place.hansa("block", "show", "first"))[0] == 2
    assert (await place.hansa("block", "show", "1", "nothing"))[0] == 2
    assert (await place.hansa("block", "show", "99"))[0] == 66


async def test_the_state_is_read_by_key_and_by_prefix(place):
    one = await place.json("get", "org/member/farm")
    many = await place.json("get", "org/member/", "--scan")
    code, _, err = await place.hansa("get", "org/member/elba")

    assert one["value"]["id"] == "farm"
    assert len(many["entries"]) == 4
    assert (code, "hansa prove state" in err) == (66, True)


async def test_a_proof_is_written_and_verified_offline(place, letter, tmp_path):
    tx_id = (await register(place, letter))["tx_id"]
    proof = str(tmp_path / "p.json")
    await place.json("prove", "tx", tx_id[:12], "-O", proof)
    verdict = await place.json("verify", proof, "--file", str(letter))
    code, out, _ = await place.hansa("verify", proof, "-o", "table")

    assert list(verdict) == ["content", "on_chain", "signers", "time", "now", "not_proven"]
    assert (verdict["content"]["verdict"], code) == ("ok", 0)
    assert [line.split("  ")[0] for line in out.splitlines()] == [
        "content",
        "on chain",
        "signers",
        "time",
        "now",
        "not proven",
    ]


async def test_another_content_turns_one_line_and_ends_with_1(place, letter, tmp_path):
    tx_id = (await register(place, letter))["tx_id"]
    proof = tmp_path / "p.json"
    await place.json("prove", "tx", tx_id, "-O", str(proof))
    letter.write_bytes(b"Dear carrier")
    code, out, _ = await place.hansa("verify", str(proof), "--file", str(letter), "-o", "json")

    failed = [name for name, line in json.loads(out).items() if line["verdict"] == "fail"]
    assert (code, failed) == (1, ["content"])


async def test_what_is_no_proof_is_65_and_a_missing_one_66(place, letter):
    assert (await place.hansa("verify", str(letter)))[0] == 65
    assert (await place.hansa("verify", str(letter) + ".none"))[0] == 66


async def test_the_absence_of_a_key_is_proven_on_stdout(place, tmp_path):
    code, out, _ = await place.hansa("prove", "state", "doc/record/none")
    (tmp_path / "s.json").write_text(out)
    verdict = await place.json("verify", str(tmp_path / "s.json"))

    assert code == 0
    assert "there is no document none" in verdict["now"]["text"]


async def test_verify_needs_something_to_trust(place, letter, tmp_path):
    line = ("verify", str(letter), "--home", str(tmp_path / "none"))
    code, _, err = await place.hansa(*line, home=False)

    assert (code, "code: trust.missing" in err) == (2, True)


async def test_watch_follows_blocks_as_lines_of_json(place, letter):
    await register(place, letter)
    line = ("watch", "--from", "1", "--count", "2", "-o", "jsonl")
    code, out, _ = await place.hansa(*line)

    assert code == 0
    assert [json.loads(line)["height"] for line in out.splitlines()] == [1, 2]


async def test_watch_tells_transactions_to_people_and_to_programs(place, letter):
    await register(place, letter)
    watch = ("watch", "--types", "tx", "--from", "2", "--count", "1")
    _, people, _ = await place.hansa(*watch, "-o", "table")
    _, program, _ = await place.hansa(*watch, "-o", "tsv")

    assert people.startswith("height 2  index 0  tx ")
    assert program.startswith("2\t0\t")


async def test_an_event_that_is_not_there_cannot_be_traced(place):
    code, _, err = await place.hansa("epcis", "trace", "https://id.gs1.org/01/09520600001012/21/A")

    assert code == 66
    assert "trace.not-found" in err


def test_the_network_file_names_its_fields():
    names = [field.name for field in msgspec.structs.fields(NodeEntry)]

    assert names == ["name", "member", "host", "api", "p2p", "home"]
