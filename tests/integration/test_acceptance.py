"""What a user is promised, word for word, on a network of four real processes."""

import http.client
import itertools
import json
import re
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from hansa.client.events import MemoryCursor
from node.story import coffee

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]

REFUSED = {}
"""Document to (rule, JSON path) that refuses it: at most 2 of 27 may stand here. None does."""
DOCUMENTS_REFUSED_MAX = 2
JARS = (
    "https://id.gs1.org/01/09520600001012/21/K7QH2M9X4T",
    "https://id.gs1.org/01/09520600001012/21/M3VD8R6C2P",
)
EVENT_ID = re.compile(r"^ni:///sha-256;[0-9a-f]{64}\?ver=CBV2\.0$")
HEX_64 = re.compile(r"^[0-9a-f]{64}$")


def fetch(url, headers=None):
    """Status, content type and body of a GET."""
    request = urllib.request.Request(url, headers=headers or {})  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return reply.status, reply.headers["Content-Type"], reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


@pytest.fixture
def document(tmp_path):
    """Makes a file that nobody has registered yet."""
    numbers = itertools.count()

    def make(test):
        path = tmp_path / f"{next(numbers)}.pdf"
        path.write_bytes(f"{test} {path}".encode())
        return path

    return make


# -- the demo ------------------------------------------------------------------------------------


def test_the_demo_gives_its_facts_as_json(network):
    facts = network.facts

    assert facts.keys() >= {"chain_id", "home", "height", "elapsed_s", "trust", "nodes"}
    assert [set(node) for node in facts["nodes"]] == [
        {"name", "member", "api", "p2p", "pid", "home"}
    ] * 4
    assert [node["member"] for node in facts["nodes"]] == [
        member.name for member in coffee().members
    ]
    assert len({node["pid"] for node in facts["nodes"]}) == 4
    assert facts["elapsed_s"] < 60
    assert json.loads((network.home / "trust.json").read_text())
    assert facts["trust"] == str(network.home / "trust.json")


def test_run_again_it_tells_the_same_facts_and_changes_nothing(network):
    before = {node.name: network.status(node.name).state_root for node in network.nodes}

    again = network.hansa("demo", "--no-input", "-o", "json")

    same = ("chain_id", "home", "trust", "nodes", "height")
    assert again.code == 0, again.err
    assert {key: again.document[key] for key in same} == {key: network.facts[key] for key in same}
    assert again.document["events"] == network.facts["events"]
    assert {node.name: network.status(node.name).state_root for node in network.nodes} == before


def test_the_transcript_is_as_it_is_written(network):
    told = network.hansa("demo", "--no-input")

    lines = (told.err + told.out).splitlines()
    steps = [line for line in lines if line.startswith("✓")]
    assert [re.sub(r"\s{2,}.*", "", step) for step in steps] == [
        "✓ keys and genesis for 4 organisations",
        "✓ 4 nodes started",
        "✓ first block committed",
        "✓ coffee story captured",
    ]
    for word in ("api", "metrics", "directory", "development keys", "hansa epcis trace"):
        assert any(word in line for line in lines), word


def test_the_story_has_its_three_expected_hashes(network):
    ids = [event["id"] for event in network.facts["events"]]

    assert len(ids) == 11
    assert all(EVENT_ID.match(one) for one in ids)
    assert ids == [step.event for step in coffee().events]


# -- status and documents --------------------------------------------------------------------


def test_status_names_every_node(network):
    status = network.hansa("status", "-o", "json").document

    assert status["chain_id"] == network.facts["chain_id"]
    assert {key: status["quorum"][key] for key in ("validators", "need", "live")} == {
        "validators": 4,
        "need": 3,
        "live": 4,
    }
    wanted = {
        *("name", "member", "role", "height", "trails_by"),
        *("state_root", "peers", "version", "state"),
    }
    assert all(node.keys() >= wanted for node in status["nodes"])
    assert {node["role"] for node in status["nodes"]} == {"validator"}
    assert all(HEX_64.match(node["state_root"]) for node in status["nodes"])


def test_a_document_is_registered_shown_and_not_twice(network, document):
    path = document("registered")

    first = network.hansa("doc", "register", "--file", path, "--as", "roastery", "--wait")
    as_json = network.hansa(
        *("doc", "register", "--file", path, "--as", "roastery", "--wait", "-o", "json")
    )

    assert first.code == 0, first.err
    assert re.search(
        r"✓ committed  tx [0-9a-f]{12}  height \d+  in \d+\.\d\d s  \(\d of 4 validators signed\)",
        first.err + first.out,
    )
    assert as_json.code == 73
    assert as_json.document["error"]["code"] == "refused.EXISTS"


def test_what_is_piped_is_never_cut(network):
    listed = network.hansa("block", "list")
    found = network.hansa("epcis", "trace", JARS[0])

    hashes = [word for line in listed.out.splitlines()[1:] for word in line.split("\t")]
    assert sum(bool(HEX_64.match(word)) for word in hashes) >= 11
    events = [word for line in found.out.splitlines()[1:] for word in line.split("\t")]
    assert sum(bool(EVENT_ID.match(word)) for word in events) >= 10
    assert "…" not in listed.out + found.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("get", "doc/record/nothing"), 66),
        (("prove", "tx", "00" * 32), 66),
        (("tx", "show", "00" * 32), 66),
        (("demo", "kill", "node9"), 66),
        (("doc", "register", "--file", "missing.pdf", "--as", "farm"), 2),
        (("doc", "show", "nothing"), 66),
        (("wait", "height=999999", "--timeout", "300ms"), 75),
        (("wait", "nonsense"), 2),
        (("status", "--nonsense"), 2),
        (("demo", "rm", "--no-input"), 2),
        (("health",), 0),
        (("version",), 0),
    ],
)
def test_exit_codes_say_whose_fault_it_is(network, words, code):
    ended = network.hansa(*words)

    assert ended.code == code, ended.err
    if code not in {0, 2}:
        assert ended.err.startswith("✗ ")
        assert "\n  next: " in ended.err
        assert "\n  code: " in ended.err
    assert "Traceback" not in ended.err


# -- EPCIS ------------------------------------------------------------------------------------


def capture(network, path, member):
    """(events, None) of a document, or (None, (rule, path))."""
    ended = network.hansa("epcis", "capture", path, "--as", member, "--wait", "-o", "json")
    if ended.code == 0:
        return ended.document["events"], None
    told = ended.document
    return None, (told["error"]["code"].removeprefix("refused."), told.get("path"))


def test_gs1s_own_documents_commit_and_are_known_when_captured_again(network, vectors):
    files = sorted((vectors / "epcis").rglob("*.jsonld"))
    refused, captured = {}, {}
    for path in files:
        events, rule = capture(network, path, "carrier")
        if rule is None:
            captured[path] = events
        else:
            refused[path.name] = rule

    assert len(files) == 27
    assert len(refused) <= DOCUMENTS_REFUSED_MAX
    assert refused == REFUSED
    for events in captured.values():
        for event in events:
            assert event.keys() == {"id", "tx_id", "height", "duplicate"}
            assert EVENT_ID.match(event["id"])
            assert HEX_64.match(event["tx_id"])
    again = {path: capture(network, path, "carrier")[0] for path in list(captured)[:6]}
    for path, events in again.items():
        assert all(event["duplicate"] for event in events), path
        assert [event["id"] for event in events] == [event["id"] for event in captured[path]]


def walked(network, identifier, *options):
    """The events of a trace."""
    ended = network.hansa("epcis", "trace", identifier, *options, "-o", "json")
    assert ended.code == 0, ended.err
    return ended.document["events"]


def test_a_trace_walks_from_each_jar_to_the_green_beans_and_back(network):
    story = coffee()
    harvest = story.events[0].event

    assert story.items == JARS
    for jar in story.items:
        up = {event["id"] for event in walked(network, jar, "--direction", "up")}
        assert harvest in up
        assert len(up) >= 10
    down = walked(network, story.lot, "--direction", "down")
    assert all(jar in json.dumps(down) for jar in story.items)
    assert len({event["id"] for event in down}) == len(down)


def test_the_depth_of_a_walk_is_limited(network):
    story = coffee()

    near = walked(network, story.items[0], "--depth", "1")

    assert max(event["depth"] for event in near) <= 1
    assert network.hansa("epcis", "trace", story.items[0], "--depth", "65").code == 2


# -- HTTP --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind", "word"),
    [
        ("/livez", "", b""),
        ("/readyz", "", b""),
        ("/readyz?verbose=true", "application/json", b"quorum"),
        ("/metrics", "text/plain", b"hansa_consensus_height"),
        ("/v1/openapi.json", "application/json", b'"3.1'),
        ("/v1/status", "application/json", b"chain_id"),
        ("/v1/blocks/latest", "application/json", b"state_root"),
    ],
)
def test_every_node_serves(network, path, kind, word):
    for node in network.nodes:
        status, found_kind, body = fetch(node.api + path)

        assert status == 200
        assert found_kind.startswith(kind)
        assert word in body


def test_errors_are_problems_with_a_stable_code(network):
    status, kind, body = fetch(network.nodes[0].api + "/v1/blocks/99999999")

    assert (status, kind) == (404, "application/problem+json")
    assert json.loads(body)["code"] == "block.not-found"


def test_a_stream_of_blocks_goes_on_where_it_was_left(network):
    with network.client() as client:
        first = list(itertools.islice(client.events(("block",), 1), 3))
        cursor = MemoryCursor()
        cursor.store(first[1].id)
        resumed = next(client.events(("block",), cursor=cursor))

    assert [event.content.height for event in first] == [1, 2, 3]
    assert resumed.content == first[2].content


def test_a_stream_is_plain_server_sent_events(network):
    parts = urlsplit(network.nodes[0].api)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request("GET", "/v1/events?types=block&from=1")
    reply = connection.getresponse()
    line = reply.readline()
    while not line.startswith(b"data:"):
        line = reply.readline()
    connection.close()

    assert reply.headers["Content-Type"].startswith("text/event-stream")
    assert json.loads(line[5:])["height"] == 1
