"""The commands of contracts against a chain in this process: every example of every help is run."""

import asyncio
import json
import re
import shlex
import time

import click
import pytest

from hansa.keyfile import create_dev_key_file
from hansa.keys import key_id
from node.api.server import ApiServer, ApiSettings
from node.cli.root import COMMANDS, root, run
from node.contracts import describe_contracts
from node.local_node import LocalNode
from node.network import Network, NodeEntry, write_network
from node.testing import LocalChain
from tests.unit.node.examples import (
    BALLOT,
    CLAIMS,
    GROUPS,
    KEY_ID,
    WRAPPED,
    all_commands,
    example_of,
)

MEMBERS = ("farm", "roastery", "carrier", "retailer")
BEHIND_MS = 5 * 60_000
"""The chain begins so long ago: each of its blocks takes a second, however fast they are made."""


class Place:
    """A network's directory whose node is a chain in this process; the test's own folder."""

    def __init__(self, home, folder, chain, capsys):
        self.home = home
        self.folder = folder
        self.chain = chain
        self._capsys = capsys

    async def hansa(self, *arguments):
        """Run a command line: exit code, stdout, stderr."""
        code = await asyncio.to_thread(run, [*arguments, "--home", str(self.home)])
        out, err = self._capsys.readouterr()
        return code, out, err

    async def json(self, *arguments):
        """Run a command line that must succeed: its JSON document."""
        code, out, err = await self.hansa(*arguments, "-o", "json")
        assert code == 0, (arguments, err)
        return json.loads(out)

    async def example(self, *names, **replaced):
        """Run the example of a command's help: its JSON document."""
        line = example_of(*names)
        for old, new in replaced.items():
            assert old in line, (old, line)
            line = line.replace(old, new)
        return await self.json(*shlex.split(line))

    async def publish(self, name):
        """Publish a ready profile by three of four votes."""
        await self.json("profile", "propose", name, "--as", "farm", "--wait")
        for member in ("roastery", "retailer"):
            await self.json("profile", "approve", f"{name}@1", "--as", member, "--wait")

    def file(self, name, text="text"):
        """A file in the folder in which commands run."""
        (self.folder / name).write_text(text)


@pytest.fixture
async def place(tmp_path, monkeypatch, capsys):
    """A network of four members, whose first node answers."""
    with LocalChain() as chain:
        chain.advance(time.time_ns() // 1_000_000 - chain.time - BEHIND_MS)
        node, settings = LocalNode(chain), ApiSettings(port=0)
        async with ApiServer(node, settings, version="1", contracts=describe_contracts) as server:
            home, folder = tmp_path / "net", tmp_path / "desk"
            home.mkdir()
            folder.mkdir()
            dead = "http://127.0.0.1:9"
            entries = tuple(
                NodeEntry(
                    f"node{i}", member, "127.0.0.1", dead if i else server.url,
                    f"127.0.0.1:{i}", f"node{i}",
                )
                for i, member in enumerate(MEMBERS)
            )  # fmt: skip
            write_network(home, Network(chain.chain_id, entries, development_keys=True))
            for member in MEMBERS:
                keys = home / "members" / member / "keys"
                keys.mkdir(parents=True)
                for name in ("desk", "member"):
                    create_dev_key_file(keys / f"{name}.json", chain.key(member), "user")
            monkeypatch.chdir(folder)
            yield Place(home, folder, chain, capsys)


# -- help ----------------------------------------------------------------------------------


@pytest.mark.parametrize("names", all_commands(), ids=" ".join)
def test_every_command_has_an_example_that_its_own_parser_takes(names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(example_of(*names))
    command = root.get_command(None, names[0]).commands[names[1]]
    for word in words:
        if "." in word and "/" not in word and "@" not in word and "=" not in word:
            (tmp_path / word).write_text("x")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "anna.json").write_text("x")

    assert words[:2] == list(names)
    command.make_context(names[1], words[2:])


def test_every_group_is_in_the_list_of_commands():
    assert set(GROUPS) <= set(COMMANDS)
    assert all(isinstance(root.get_command(None, name), click.Group) for name in GROUPS)


# -- contract ------------------------------------------------------------------------------


async def test_contracts_are_listed_with_methods_and_queries(place):
    rows = {one["contract"]: one for one in (await place.example("contract", "list"))["contracts"]}

    assert "register" in rows["doc"]["methods"]
    assert "free_of_encumbrance" in rows["asset"]["queries"]
    assert rows["record"]["methods"] == ""


async def test_a_method_is_described_with_types_limits_refusals_and_an_example_that_runs(place):
    told = await place.example("contract", "describe")
    rows = {one["argument"]: one for one in told["arguments"]}
    line = shlex.split(told["example"].removeprefix("hansa ").replace("ORG", "farm"))

    assert (rows["digest"]["type"], rows["digest"]["limits"]) == ("bytes", "32 bytes")
    assert rows["alg"] == {
        "argument": "alg", "type": "text", "limits": "one of sha-256, sm3", "needed": False,
        "default": '"sha-256"',
    }  # fmt: skip
    assert {"EXISTS", "LINK", "SCHEMA"} <= set(told["refusals"])
    assert (await place.json(*line))["fate"] == "committed"


async def test_a_contract_is_described_with_all_it_takes(place):
    told = await place.json("contract", "describe", "asset")
    kinds = {one["name"]: one["kind"] for one in told["entries"]}
    one = await place.json("contract", "describe", "asset.mine")

    assert (kinds["asset.issue"], kinds["asset.mine"]) == ("method", "query")
    assert one["arguments"][0]["argument"] == "member"


@pytest.mark.parametrize("name", ["nothing", "doc.nothing", "queries"])
async def test_what_is_no_contract_is_66(place, name):
    code, _, err = await place.hansa("contract", "describe", name)

    assert (code, "code: contract.not-found" in err) == (66, True)


async def test_every_method_can_be_described_and_its_example_has_all_it_needs(place):
    described = describe_contracts()
    for contract, methods in described.items():
        if contract == "queries":
            continue
        for name in methods:
            told = await place.json("contract", "describe", f"{contract}.{name}")
            needed = {one["argument"] for one in told["arguments"] if one["needed"]}
            sample = json.loads(shlex.split(told["example"])[4])
            assert set(sample) == needed, name


# -- profile -------------------------------------------------------------------------------


async def test_a_ready_profile_is_read_tried_proposed_and_decided_on(place):
    ready = {one["id"]: one for one in (await place.example("profile", "list"))["profiles"]}
    said = await place.example("profile", "show")
    proposed = await place.example("profile", "propose")
    objected = await place.example("profile", "object")
    await place.example("profile", "approve")
    last = ("profile", "approve", "warehouse.receipt@1", "--as", "retailer", "--wait")
    await place.json(*last)
    shown = await place.json("profile", "show", "warehouse.receipt")
    published = (await place.json("profile", "list", "--state", "published"))["profiles"]

    assert ready["warehouse.receipt@1"]["state"] == "ready"
    assert (said["language"], said["state"]) == ("zh", "ready")
    assert any("仓单" in one for one in said["sentences"])
    assert (proposed["fate"], objected["fate"]) == ("committed", "committed")
    assert (shown["state"], shown["profile"]["name"]) == ("published", "warehouse.receipt")
    assert [one["id"] for one in published] == ["warehouse.receipt@1"]


async def test_a_profile_is_tried_before_anyone_proposed_it_and_after(place):
    here = await place.example("profile", "simulate")
    await place.publish("recon.bank")
    there = await place.example("profile", "simulate")

    assert here == there
    assert here["ok"] is True


async def test_an_action_that_would_be_refused_ends_with_1_and_says_why(place):
    record = json.dumps({"controller": "farm", "body": {}, "signers": [{"member": "farm"}]})
    line = ("profile", "simulate", "recon.bank", "no_such_action", "--record", record)
    code, out, err = await place.hansa(*line, "-o", "json")

    told = json.loads(out)
    assert code != 0
    assert told["ok"] is False
    assert told["code"] in err


async def test_a_profile_is_retired_in_favour_of_another(place):
    await place.publish("recon.bank")
    await place.publish("recon.threeway")
    await place.example("profile", "retire")
    for member in ("roastery", "retailer"):
        await place.json("profile", "approve", "recon.bank@1", "--as", member, "--wait")

    shown = await place.json("profile", "show", "recon.bank@1")
    assert (shown["state"], shown["successor"]) == ("retired", "recon.threeway@1")


async def test_a_profile_of_ones_own_is_proposed_from_a_file(place):
    text = (await place.json("profile", "show", "recon.bank"))["profile"]
    place.file("mine.json", json.dumps(text | {"name": "my.bank"}))
    done = await place.json("profile", "propose", "mine.json", "--as", "farm", "--wait")
    place.file("bad.json", json.dumps(text | {"name": "my.bank", "fields": 7}))
    code, _, err = await place.hansa("profile", "propose", "bad.json", "--as", "farm", "--wait")

    assert done["profile"] == "my.bank@1"
    assert (code, "refused, SCHEMA" in err, "field=" in err) == (65, True, True)


@pytest.mark.parametrize("name", ["nothing", "recon.bank@7"])
async def test_a_profile_that_is_not_there_is_66(place, name):
    code, _, err = await place.hansa("profile", "show", name)

    assert (code, "code: profile.not-found" in err) == (66, True)


# -- record --------------------------------------------------------------------------------


async def test_a_record_is_shown_and_its_history_names_every_transaction(place):
    place.file("a.txt")
    registered = ("doc", "register", "--file", "a.txt", "--id", "a", "--needs", "farm")
    await place.json(*registered, "--needs", "carrier", "--as", "farm", "--wait")
    signed = await place.json("doc", "sign", "a", "--as", "carrier", "--wait")
    shown = await place.json("record", "show", "doc", "a")
    told = await place.json("record", "history", "doc", "a")

    assert shown["version"] == 2
    assert [(one["method"], one["after"]) for one in told["changes"]] == [
        ("doc.register", 1), ("doc.sign", 2),
    ]  # fmt: skip
    assert told["changes"][1]["tx_id"] == signed["tx_id"]
    assert told["complete"] is True
    first = await place.json("record", "history", "doc", "a", "--limit", "1")
    assert (len(first["changes"]), first["complete"]) == (1, False)


async def test_what_genesis_made_says_so(place):
    shown = await place.example("record", "show")
    code, _, err = await place.hansa(*shlex.split(example_of("record", "history")))

    assert shown["id"] == "farm"
    assert (code, "genesis made it" in err) == (0, True)


async def test_a_record_that_is_not_there_is_66_with_what_was_asked(place):
    code, _, err = await place.hansa("record", "show", "doc", "nothing")

    assert code == 66
    assert "refused, MISSING" in err
    assert "id nothing" in err


# -- cred ----------------------------------------------------------------------------------


async def test_a_credential_lives_from_accreditation_to_revocation(place):
    place.file("claims.json", json.dumps(CLAIMS))
    place.file("schema.json", "{}")
    place.file("why.txt")
    opened = await place.example("cred", "accredit")
    ballot = {BALLOT: opened["result"]["ballot"]}
    await place.example("cred", "vote", **ballot)
    await place.example("cred", "vote", **ballot, roastery="retailer")
    for name in ("template", "open-list", "sign", "log", "list"):
        await place.example("cred", name)
    good = await place.example("cred", "check")
    await place.example("cred", "annotate")
    await place.example("cred", "status")
    shown = await place.example("cred", "show")
    await place.example("cred", "list")
    code, out, err = await place.hansa(*shlex.split(example_of("cred", "check")), "-o", "json")

    assert good["passed"] is True
    assert (shown["value"], shown["note"]["state"]) == (1, "disputed")
    assert (code, json.loads(out)["passed"]) == (1, False)
    assert "✗ the credential does not pass: revocation" in err


async def test_a_refusal_says_what_was_had_what_is_needed_and_by_whom(place):
    await place.example("cred", "open-list")
    line = ("cred", "status", "farm-revoked", "7=1", "--as", "carrier", "--wait", "-o", "json")
    code, out, err = await place.hansa(*line)
    told = json.loads(out)

    assert (code, told["code"]) == (77, "AUTH")
    for name, value in told["refused"].items():
        assert f"{name}=" in err, (name, value)


async def test_a_time_in_a_refusal_is_shown_with_its_date(place):
    line = (
        "cred",
        "accredit",
        "farm",
        "Licence",
        "--until",
        "2001-09-09",
        "--as",
        "farm",
        "--wait",
    )
    _, _, err = await place.hansa(*line)

    assert "have=999993600000  " in err
    assert re.search(r"need=\d{13} \(20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\)", err)


async def test_what_is_no_credential_is_not_signed(place):
    place.file("claims.json", json.dumps(CLAIMS | {"credentialSubject": {}}))
    code, _, err = await place.hansa("cred", "sign", "claims.json", "--as", "farm", "-O", "x.json")

    assert code != 0
    assert "credentialSubject: says nothing of its subject" in err


async def test_an_index_is_taken_at_random_where_none_is_given(place):
    await place.example("cred", "open-list")
    place.file("claims.json", json.dumps(CLAIMS))
    line = ("cred", "sign", "claims.json", "--list", "farm-revoked", "--as", "farm")
    url = ("--url", "https://farm.example/revoked")
    drawn = {
        (await place.json(*line, *url, "-O", f"{number}.json"))["index"] for number in range(4)
    }

    assert len(drawn) > 1


# -- grant ---------------------------------------------------------------------------------


async def test_data_is_offered_agreed_on_delivered_used_and_erased(place):
    for name in ("prices.json", "terms.txt", "prices.sealed", "receipts.txt", "scope.txt"):
        place.file(name, name)
    key = key_id(place.chain.key("roastery").public)
    for name in ("publish", "request", "decide", "verify", "finalize", "transfer"):
        await place.example("grant", name)
    wrap = {KEY_ID: key, WRAPPED: "ab" * 80}
    await place.example("grant", "deliver", **wrap)
    await place.example("grant", "used")
    shown = await place.example("grant", "show")
    erased = await place.example("grant", "erased")

    assert (shown["agreement"]["state"], shown["deliveries"][0]["seq"]) == ("FINALIZED", 1)
    assert shown["uses"][0]["sides"]["consumer"]["n"] == 3
    assert erased["fate"] == "committed"


async def test_an_offer_of_the_owner_is_accepted(place):
    for name in ("prices.json", "terms.txt"):
        place.file(name)
    await place.example("grant", "publish")
    await place.example("grant", "request")
    offer = ("grant", "decide", "a-1", "offer", "--terms", "prices.json", "--as", "farm", "--wait")
    await place.json(*offer)
    accepted = await place.example("grant", "accept")

    assert accepted["result"]["state"] == "ACCEPTED"
    assert (await place.example("grant", "terminate"))["result"]["state"] == "TERMINATED"


async def test_a_consent_is_given_and_taken_back_with_the_same_key(place):
    place.file("scope.txt")
    (place.folder / "keys").mkdir()
    for name in ("anna", "bob"):
        key = place.chain.key(name)
        create_dev_key_file(place.folder / "keys" / f"{name}.json", key, "user")
    given = await place.example("grant", "consent")
    other = ("grant", "withdraw", "c-1", "--subject-key", "keys/bob.json", "--as", "farm", "--wait")
    code, _, err = await place.hansa(*other)
    await place.example("grant", "withdraw")
    shown = await place.json("grant", "show", "c-1")

    assert given["subject"] == shown["consent"]["subject"]
    assert (code, "refused, SIGN" in err) == (77, True)
    assert shown["consent"]["state"] == "withdrawn"


@pytest.mark.parametrize(
    "line",
    [
        ("grant", "publish", "p", "--as", "farm"),
        ("grant", "publish", "p", "--digest", "12", "--as", "farm"),
        ("grant", "publish", "p", "--digest", "zz" * 32, "--as", "farm"),
        ("cred", "status", "l", "x=1", "--as", "farm"),
        ("grant", "decide", "a", "maybe", "--as", "farm"),
    ],
    ids=" ".join,
)
async def test_what_is_written_wrong_is_2_and_says_how_to_write_it(place, line):
    code, _, err = await place.hansa(*line)

    assert code == 2
    assert "next: " in err


async def test_without_wait_the_next_command_waits_for_it(place):
    code, _, err = await place.hansa("cred", "open-list", "l", "--as", "farm")

    assert code == 0
    assert "next: hansa wait tx=" in err or "next: hansa cred log" in err
