"""Networks on disk: planning, founding, reading."""

import stat

import pytest

from hansa.errors import Rejected
from hansa.genesis import LegalId, decode_genesis
from hansa.keyfile import open_key_file
from hansa.trust import decode_trust
from ledger.boot import genesis_block
from node.config import load
from node.founding import (
    MemberPlan,
    NetworkPlan,
    Protection,
    create_demo,
    create_home,
    create_network,
)
from node.network import (
    HostPlan,
    Network,
    parse_hosts,
    parse_members,
    plan_nodes,
    read_network,
    write_network,
)
from node.story import coffee, document_of

MEMBERS = ("a", "b", "c", "d")
WORDS = "a few words"


def plan(members=MEMBERS, hosts="127.0.0.1:4", *, development=True):
    """A plan of a small network."""
    return NetworkPlan(
        chain_id="hansa-test",
        members=[MemberPlan.unregistered(name) for name in members],
        nodes=plan_nodes(members, parse_hosts(hosts)),
        protection=Protection(development=development),
        time_ms=1_763_805_600_000,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1:2,10.0.0.2:2", (HostPlan("10.0.0.1", 2), HostPlan("10.0.0.2", 2))),
        ("10.0.0.1", (HostPlan("10.0.0.1", 1),)),
        ("a.example, b.example:3", (HostPlan("a.example", 1), HostPlan("b.example", 3))),
        ("[fd00::1]:2", (HostPlan("fd00::1", 2),)),
    ],
)
def test_hosts_are_written_as_host_and_number_of_nodes(text, expected):
    assert parse_hosts(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "10.0.0.1:0", "10.0.0.1:101", "a:1:2", "a b", "a:1,a:2", "127.0.0.1:1,10.0.0.2:1"],
)
def test_hosts_that_make_no_network_are_refused(text):
    with pytest.raises(Rejected) as refused:
        parse_hosts(text)

    assert refused.value.code == "network.hosts"


@pytest.mark.parametrize("text", ["", "A", "a,a", "a b", "_x", "x" * 65])
def test_names_that_no_member_can_have_are_refused(text):
    with pytest.raises(Rejected) as refused:
        parse_members(text)

    assert refused.value.code == "network.members"


def test_nodes_are_spread_over_hosts_in_order_and_given_to_the_members_in_turn():
    nodes = plan_nodes(("a", "b", "c"), parse_hosts("10.0.0.1:2,10.0.0.2:2"))

    assert [(n.name, n.member, n.host, n.api_port, n.p2p_port) for n in nodes] == [
        ("node0", "a", "10.0.0.1", 8600, 26600),
        ("node1", "b", "10.0.0.1", 8601, 26601),
        ("node2", "c", "10.0.0.2", 8600, 26600),
        ("node3", "a", "10.0.0.2", 8601, 26601),
    ]
    assert nodes[2].entry.p2p == "10.0.0.2:26600"


def test_names_of_many_nodes_sort_as_their_numbers():
    names = [node.name for node in plan_nodes(("a",), parse_hosts("10.0.0.1:12"))]

    assert names[0] == "node00"
    assert names == sorted(names)


def test_every_founding_member_needs_a_node():
    with pytest.raises(Rejected) as refused:
        plan_nodes(MEMBERS, parse_hosts("10.0.0.1:3"))

    assert refused.value.code == "network.hosts"


def test_a_founded_network_has_what_every_node_needs(tmp_path):
    made = create_network(tmp_path / "net", plan())

    home = tmp_path / "net"
    genesis = decode_genesis((home / "genesis.json").read_bytes())
    trust = decode_trust((home / "trust.json").read_bytes())
    config = load(home / "node2").config
    assert read_network(home) == made
    assert [node.name for node in genesis.nodes] == ["node0", "node1", "node2", "node3"]
    assert trust.checkpoint.block_hash == genesis_block(genesis)[0].hash.hex()
    assert (config.node.name, config.node.member, config.node.dev) == ("node2", "c", True)
    assert [peer.name for peer in config.p2p.peers] == ["node0", "node1", "node3"]
    assert (home / "node2" / "genesis.json").read_bytes() == (home / "genesis.json").read_bytes()


def test_the_tree_holds_no_absolute_path_so_that_it_can_be_copied(tmp_path):
    create_network(tmp_path / "net", plan())

    files = [path for path in (tmp_path / "net").rglob("*") if path.is_file()]
    place = str(tmp_path).encode()
    assert not [path.name for path in files if place in path.read_bytes()]


def test_without_a_passphrase_one_is_made_by_chance_and_left_beside_the_keys(tmp_path):
    create_network(tmp_path / "net", plan(("a",), "127.0.0.1:1", development=False))

    keys = tmp_path / "net" / "node0" / "keys"
    words = (keys / "passphrase").read_text().strip()
    opened = open_key_file(keys / "validator.json", words)
    assert not opened.dev
    beside = load(keys.parent).config.keys.passphrase_file
    assert keys.parent / beside == keys / "passphrase"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()}
    assert modes == {0o600}


def test_with_a_passphrase_none_is_left(tmp_path):
    made = plan(("a",), "127.0.0.1:1")
    own = NetworkPlan(
        made.chain_id, made.members, made.nodes, Protection(passphrase=WORDS), made.time_ms
    )
    create_network(tmp_path / "net", own)

    assert not list(tmp_path.rglob("passphrase"))
    assert open_key_file(tmp_path / "net/members/a/keys/desk.json", WORDS).purpose == "user"


def test_an_existing_directory_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine").write_text("mine")

    with pytest.raises(Rejected) as refused:
        create_network(tmp_path, plan())

    assert refused.value.code == "network.exists"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_network_that_cannot_be_founded_leaves_nothing(tmp_path):
    twice = [
        MemberPlan(name, LegalId("LEI", "549300MLUDYVRQOOXS22"), {"en": name}) for name in "ab"
    ]
    made = plan(("a", "b"), "127.0.0.1:2")
    bad = NetworkPlan(made.chain_id, twice, made.nodes, made.protection, made.time_ms)

    with pytest.raises(Rejected) as refused:
        create_network(tmp_path / "net", bad)

    assert refused.value.code == "genesis.names"
    assert not (tmp_path / "net").exists()


def test_a_chain_id_that_no_chain_can_have_leaves_nothing(tmp_path):
    made = plan(("a",), "127.0.0.1:1")
    bad = NetworkPlan("No Name", made.members, made.nodes, made.protection, made.time_ms)

    with pytest.raises(Rejected) as refused:
        create_network(tmp_path / "net", bad)

    assert refused.value.code == "genesis.malformed"
    assert not (tmp_path / "net").exists()


def test_a_later_node_gets_a_home_with_keys_of_its_own(tmp_path):
    create_network(tmp_path / "net", plan())
    genesis = decode_genesis((tmp_path / "net" / "genesis.json").read_bytes())

    public = create_home(tmp_path / "more", "node4", "d", genesis, Protection())

    assert sorted(public) == ["transport", "validator"]
    assert load(tmp_path / "more").config.node.name == "node4"
    with pytest.raises(Rejected, match=r"network\.exists"):
        create_home(tmp_path / "more", "node4", "d", genesis, Protection())


def test_a_home_that_cannot_be_made_leaves_nothing(tmp_path):
    create_network(tmp_path / "net", plan())
    genesis = decode_genesis((tmp_path / "net" / "genesis.json").read_bytes())

    with pytest.raises(Rejected, match=r"key\.passphrase"):
        create_home(tmp_path / "more", "node4", "d", genesis, Protection(passphrase=""))

    assert not (tmp_path / "more").exists()


def test_the_demo_is_founded_by_the_members_of_the_story(tmp_path):
    made = create_demo(tmp_path / "demo", coffee(), (8600, 26600))

    genesis = decode_genesis((tmp_path / "demo" / "genesis.json").read_bytes())
    assert made.development_keys
    assert made.members() == ("farm", "roastery", "carrier", "retailer")
    assert genesis.members[1].legal_id.value == "91310000MADEM002X2"
    assert all(document_of(event) for event in coffee().events)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"{", "network.malformed"),
        (b'{"chain_id": "a", "nodes": [], "version": 9}', "network.version"),
    ],
)
def test_a_damaged_or_newer_network_file_is_refused(tmp_path, text, code):
    (tmp_path / "network.json").write_bytes(text)

    with pytest.raises(Rejected) as refused:
        read_network(tmp_path)

    assert refused.value.code == code


def test_where_there_is_no_network_the_error_says_how_to_make_one(tmp_path):
    with pytest.raises(Rejected) as refused:
        read_network(tmp_path)

    assert refused.value.code == "network.not-found"
    assert "hansa demo" in refused.value.hint


def test_a_node_is_found_by_its_name_or_the_names_are_told(tmp_path):
    network = Network("hansa-test", tuple(node.entry for node in plan().nodes))
    write_network(tmp_path, network)

    assert network.node("node1").member == "b"
    with pytest.raises(Rejected) as refused:
        network.node("node9")
    assert "node0, node1, node2, node3" in refused.value.hint
