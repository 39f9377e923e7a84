"""Configuration: layers, origins, errors that help, a file that reads back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import Rejected
from node import config

KEY = "ed25519:" + "0a" * 32
PEER = f'{{name = "node1", key = "{KEY}", address = "127.0.0.1:26601"}}'


def home(tmp_path, text):
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_without_any_layer_everything_is_built_in(tmp_path):
    loaded = config.load(tmp_path)

    assert loaded.config == config.Config()
    assert set(loaded.origins.values()) == {"built-in"}


def test_each_layer_beats_the_one_below(tmp_path):
    folder = home(
        tmp_path,
        '[node]\nname = "file"\nmember = "file"\n[api]\nlisten = "file:1"\nstreams_max = 2\n',
    )
    environment = {"HANSA_NODE__MEMBER": "env", "HANSA_API__LISTEN": "env:1", "HANSA_HOME": "/x"}
    loaded = config.load(folder, environment, {"api.listen": "flag:1", "node.name": None})

    file = str(folder / "config.toml")
    assert loaded.config.node == config.NodeSection(name="file", member="env")
    assert loaded.config.api == config.ApiSection(listen="flag:1", streams_max=2)
    assert loaded.origins["node.name"] == file
    assert loaded.origins["node.member"] == "env HANSA_NODE__MEMBER"
    assert ("api.listen", '"flag:1"', "flag") in config.show_origin(loaded)
    assert ("node.dev", "false", "built-in") in config.show_origin(loaded)


@pytest.mark.parametrize(
    ("name", "text", "section", "value"),
    [
        ("HANSA_NODE__DEV", "true", "node", config.NodeSection(dev=True)),
        ("HANSA_NODE__NAME", "7", "node", config.NodeSection(name="7")),
        ("HANSA_CONSENSUS__T0_MS", "500", "consensus", config.ConsensusSection(t0_ms=500)),
        ("HANSA_API__TLS_KEY", "", "api", config.ApiSection()),
        ("HANSA_P2P__LISTEN", "[::1]:5", "p2p", config.P2pSection(listen="[::1]:5")),
        (
            "HANSA_P2P__PEERS",
            f"[{PEER}]",
            "p2p",
            config.P2pSection(
                peers=(config.Peer(name="node1", key=KEY, address="127.0.0.1:26601"),)
            ),
        ),
    ],
)
def test_text_of_the_environment_becomes_the_settings_type(name, text, section, value):
    assert getattr(config.load(None, {name: text}).config, section) == value


def test_peers_can_be_tables_in_the_file(tmp_path):
    folder = home(
        tmp_path, f'[[p2p.peers]]\nname = "node1"\nkey = "{KEY}"\naddress = "a.example:1"\n'
    )

    (peer,) = config.load(folder).config.p2p.peers
    assert peer.address == "a.example:1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[apy]\n", "no setting apy; did you mean api"),
        ("[api]\nlisen = 'a:1'\n", "no setting api.lisen; did you mean api.listen"),
        ("listen = 'a:1'\n", "no setting listen; did you mean"),
        ("api = 1\n", "no setting api; did you mean"),
    ],
)
def test_an_unknown_key_names_the_nearest_one(tmp_path, text, words):
    with pytest.raises(Rejected) as caught:
        config.load(home(tmp_path, text))
    assert words in f"{caught.value.detail}; {caught.value.hint}"
    assert str(tmp_path / "config.toml") in caught.value.detail
    assert caught.value.code == "config.unknown"


def test_an_unknown_variable_is_an_error_too():
    with pytest.raises(Rejected, match="env HANSA_API__LISTN: there is no setting") as caught:
        config.load(None, {"HANSA_API__LISTN": "a:1", "OTHER__X": "1"})
    assert "api.listen" in caught.value.hint


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"api.streams_max": 0}, "api.streams_max = 0 (flag): |expected: whole number, at least 1"),
        ({"api.listen": "host"}, "api.listen = 'host' (flag): |expected: host:port"),
        ({"api.listen": 7}, "api.listen = 7 (flag): |expected: host:port"),
        ({"node.dev": "maybe"}, "node.dev = 'maybe' (flag): |expected: true or false"),
        (
            {"logs.level": "7"},
            "Invalid enum value '7'|expected: debug or error or info or warning",
        ),
        ({"consensus.t0_ms": "7"}, "Expected `int` >= 50|from 50 to 60000"),
        ({"p2p.peers": "[{}]"}, "missing required field|expected: list"),
        ({"node.name": "UPPER"}, "node.name = 'UPPER' (flag)|expected: text"),
    ],
)
def test_a_wrong_value_names_key_value_source_and_what_was_expected(flags, words):
    with pytest.raises(Rejected) as caught:
        config.load(None, {}, flags)
    detail, hint = words.split("|")
    assert caught.value.code == "config.value"
    assert detail in caught.value.detail
    assert hint in caught.value.hint


def test_a_number_in_quotes_is_not_a_number_in_the_file(tmp_path):
    with pytest.raises(Rejected, match="Expected `int`, got `str`"):
        config.load(home(tmp_path, "[api]\nstreams_max = '5'\n"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[api", "Expected"),
        (b"\xff", "utf-8"),
        (b"#" * (config.CONFIG_BYTES_MAX + 1), "larger than"),
    ],
)
def test_a_file_that_is_no_toml_is_malformed(tmp_path, text, words):
    (tmp_path / "config.toml").write_bytes(text)

    with pytest.raises(Rejected, match=words) as caught:
        config.load(tmp_path)
    assert caught.value.code == "config.malformed"


def test_a_certificate_needs_its_key():
    with pytest.raises(Rejected, match="belong together"):
        config.load(None, {}, {"api.tls_key": "k.pem"})


def test_a_peer_is_named_once():
    with pytest.raises(Rejected, match="names node1 more than once"):
        config.load(None, {"HANSA_P2P__PEERS": f"[{PEER}, {PEER}]"})


def test_the_generated_file_holds_every_key_and_changes_nothing(tmp_path):
    text = config.render(config.Config())

    assert config.load(home(tmp_path, text)).config == config.Config()
    assert set(config.load(tmp_path).origins.values()) == {"built-in"}
    assert [
        setting.key
        for setting in config.settings()
        if f"# {setting.key.partition('.')[2]} = {setting.default}\n" not in text
        or f"# {setting.comment} ({setting.expected})\n" not in text
    ] == []


def test_its_defaults_are_valid_when_the_marks_are_removed(tmp_path):
    lines = config.render(config.Config()).splitlines()
    bare = [
        line.removeprefix("# ") if " = " in line and line.startswith("# ") else line
        for line in lines
    ]
    loaded = config.load(home(tmp_path, "\n".join(bare)))

    assert loaded.config == config.Config()
    assert "built-in" not in loaded.origins.values()


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(words, words, st.integers(1, 2**63 - 1), st.booleans())
@settings(max_examples=50, deadline=None)
def test_any_configuration_reads_back(tmp_path_factory, certificate, passphrase, number, dev):
    value = config.Config(
        node=config.NodeSection(dev=dev),
        keys=config.KeysSection(passphrase_file=passphrase),
        api=config.ApiSection(
            tls_certificate=certificate + "x", tls_key="\x7f\\\"'\n", streams_max=number
        ),
        p2p=config.P2pSection(peers=(config.Peer(name="n", key=KEY, address="[::1]:1"),)),
    )
    folder = home(tmp_path_factory.mktemp("home"), config.render(value))

    assert config.load(folder).config == value


def test_a_value_of_no_kind_is_a_bug():
    with pytest.raises(AssertionError, match="float is no value"):
        config.toml_value(1.5)


def test_the_guide_lists_every_setting(pytestconfig):
    guide = pytestconfig.rootpath / "docs" / "guides" / "configuration.md"
    text = guide.read_text(encoding="utf-8")

    assert [
        setting.key
        for setting in config.settings()
        if f"| `{setting.key}` | `{setting.default}` | {setting.expected} | {setting.comment} |"
        not in text
    ] == []
