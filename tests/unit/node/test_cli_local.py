"""Commands that talk to nobody: help, networks, homes, keys, configuration."""

import json
import stat
import subprocess
import sys
import tomllib

import pytest

from hansa.keyfile import open_key_file
from hansa.signing import SigningKey
from node.cli import passphrase
from node.cli.root import COMMANDS, LazyGroup, root, run

HEAVY = {"aiohttp", "asyncio", "rich", "nacl", "plyvel", "ssl", "structlog"}
WORDS = "a few words"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    """No passphrase, home or API from outside; the demo's place is empty."""
    for name in ("HANSA_PASSPHRASE", "HANSA_HOME", "HANSA_API", "HANSA_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))


@pytest.fixture
def hansa(capsys):
    """Run a command line: exit code, stdout, stderr."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def net(hansa, tmp_path):
    """A network's directory with development keys."""
    code, _, err = hansa("net", "create", tmp_path / "net", "--members", "a,b,c,d", "--dev")
    assert code == 0, err
    return tmp_path / "net"


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from node.cli.root import run; run(['--help']); "
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert "Examples:" in done.stdout
    assert HEAVY & set(done.stderr.split()) == set()


def test_status_loads_no_server_and_no_table():
    code = (
        "import sys; from node.cli.root import run; run(['status', '-o', 'json']); "
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert {"aiohttp", "asyncio", "rich", "nacl", "plyvel"} & set(done.stderr.split()) == set()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_takes_the_common_options(hansa, name):
    code, out, _ = hansa(name, "--help")

    assert code == 0
    assert all(option in out for option in ("--home", "--api", "--output", "--debug")) or (
        "Commands:" in out
    )


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_in_the_list_what_it_does(hansa, name):
    _, out, _ = hansa("--help")

    assert f"  {name} " in out
    assert isinstance(root, LazyGroup)


@pytest.mark.parametrize(
    "line",
    [
        ("nonsense",),
        ("status", "--nonsense"),
        ("status", "-o", "xml"),
        ("doc", "register"),
        ("net", "create"),
    ],
)
def test_a_line_that_cannot_be_understood_is_a_usage_error(hansa, line):
    code, _, err = hansa(*line)

    assert code == 2
    assert "code: usage" in err
    assert "--help" in err


def test_without_a_command_the_help_is_shown(hansa):
    code, out, err = hansa()

    assert code in {0, 2}
    assert "Networks and nodes" in out + err


def test_a_bug_is_70_and_shows_no_traceback_unless_asked(hansa, monkeypatch):
    def broken(session):
        raise ZeroDivisionError("by design")

    monkeypatch.setattr("node.cli.status.see_cluster", broken)
    code, _, err = hansa("status")
    _, _, debugged = hansa("status", "--debug")

    assert code == 70
    assert "Traceback" not in err
    assert "code: bug" in err
    assert "Traceback" in debugged


def test_an_interrupt_is_130(hansa, monkeypatch):
    def interrupted(session):
        raise KeyboardInterrupt

    monkeypatch.setattr("node.cli.status.see_cluster", interrupted)
    code, _, err = hansa("status")

    assert (code, "interrupted" in err) == (130, True)


def test_where_there_is_no_network_it_is_66_and_the_demo_is_offered(hansa):
    code, out, err = hansa("status", "-o", "json")

    assert code == 66
    assert json.loads(out)["error"]["code"] == "network.not-found"
    assert "hansa demo" in err


def test_options_mean_the_same_before_and_after_the_command(hansa, tmp_path):
    before = hansa("--home", tmp_path, "-o", "json", "status")
    after = hansa("status", "--home", tmp_path, "-o", "json")

    assert before == after


def test_the_innermost_option_wins(hansa, tmp_path):
    _, out, _ = hansa("--home", "/nowhere", "-o", "json", "key", "list", "--home", tmp_path)

    assert json.loads(out) == {"keys": []}


def test_a_network_is_made_in_one_command(hansa, tmp_path):
    line = ("net", "create", tmp_path / "n", "--members", "a,b,c,d", "--dev", "-o", "json")
    hosts = ("--hosts", "10.0.0.1:2,10.0.0.2:2", "--chain-id", "hansa-freight")
    extra = ("--legal-id", "a=USCC:91460000MADEM0011M", "--prefix", "a=9520601")
    code, out, err = hansa(*line, *hosts, *extra, "--gln", "a=9520600000015")

    made = json.loads(out)
    genesis = json.loads((tmp_path / "n" / "genesis.json").read_bytes())
    assert code == 0
    assert [node["p2p"] for node in made["nodes"]] == [
        "10.0.0.1:26600",
        "10.0.0.1:26601",
        "10.0.0.2:26600",
        "10.0.0.2:26601",
    ]
    assert genesis["chain_id"] == made["chain_id"] == "hansa-freight"
    assert genesis["members"][0]["legal_id"] == {"scheme": "USCC", "value": "91460000MADEM0011M"}
    assert genesis["members"][0]["prefixes"] == ["9520601"]
    config = tomllib.loads((tmp_path / "n" / "node2" / "config.toml").read_text())
    assert config["p2p"]["listen"] == "0.0.0.0:26600"
    assert config["p2p"]["advertise"] == "10.0.0.2:26600"
    assert "next: hansa node start --home" in err


def test_an_existing_directory_is_refused_with_73(hansa, net):
    code, _, err = hansa("net", "create", net, "--members", "a")

    assert (code, "code: network.exists" in err) == (73, True)


def test_no_key_of_a_network_lies_open_to_others(hansa, tmp_path):
    hansa("net", "create", tmp_path / "n", "--members", "a")

    keys = [path for path in (tmp_path / "n").glob("**/keys/*") if path.is_file()]
    assert len(keys) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}


def test_a_home_is_made_for_one_more_node(hansa, net, tmp_path):
    line = ("node", "init", tmp_path / "more", "--name", "node4", "--member", "d")
    code, out, _ = hansa(*line, "--genesis", net / "genesis.json", "-o", "json")

    assert code == 0
    assert sorted(json.loads(out)["keys"]) == ["transport", "validator"]
    assert hansa("config", "check", "--home", tmp_path / "more")[0] == 0


def test_a_node_starts_in_a_home_alone(hansa, net, tmp_path):
    code, _, err = hansa("node", "start", "--home", net)
    other, _, nothing = hansa("node", "start", "--home", tmp_path / "none")

    assert (code, other) == (66, 66)
    assert f"--home {net / 'node0'}" in err
    assert "hansa node init" in nothing


def test_a_setting_for_one_run_needs_a_value(hansa, net):
    code, _, err = hansa("node", "start", "--home", net / "node0", "--set", "logs.level")

    assert (code, "SECTION.KEY=VALUE" in err) == (2, True)


def test_every_configuration_of_a_network_is_checked(hansa, net):
    code, out, _ = hansa("config", "check", "--home", net, "-o", "json")
    (net / "node1" / "config.toml").write_text("[node]\nnane = 'x'\n")
    bad, _, err = hansa("config", "check", "--home", net)

    assert (code, len(json.loads(out)["configurations"])) == (0, 4)
    assert (bad, "did you mean node.name" in err) == (78, True)


def test_configuration_shows_where_each_value_came_from(hansa, net, monkeypatch):
    monkeypatch.setenv("HANSA_LOGS__LEVEL", "debug")
    _, out, _ = hansa("config", "show", "--origin", "--home", net / "node0", "-o", "json")
    _, plain, _ = hansa("config", "show", "-o", "json")

    rows = {row["setting"]: row for row in json.loads(out)["settings"]}
    assert rows["logs.level"]["origin"] == "env HANSA_LOGS__LEVEL"
    assert rows["node.member"]["origin"] == str(net / "node0" / "config.toml")
    assert rows["p2p.listen"]["origin"] == "built-in"
    assert "origin" not in json.loads(plain)["settings"][0]


def test_a_key_is_made_listed_exported_and_imported(hansa, tmp_path):
    words = tmp_path / "words"
    words.write_text(WORDS + "\nnot these\n")
    home = ("--home", tmp_path / "desk")
    made = hansa("key", "new", "clerk", "--passphrase-file", words, "-o", "json", *home)
    listed = hansa("key", "list", "-o", "json", *home)
    shown = hansa("key", "export", "clerk", "-o", "table", *home)
    copied = hansa("key", "export", "clerk", "-O", tmp_path / "copy.json", *home)
    taken = hansa("key", "import", tmp_path / "copy.json", "-o", "json", *home)
    twice = hansa("key", "import", tmp_path / "copy.json", *home)

    public = json.loads(made[1])["public"]
    assert [result[0] for result in (made, listed, shown, copied, taken, twice)] == [0] * 5 + [73]
    assert [row["name"] for row in json.loads(listed[1])["keys"]] == ["clerk"]
    assert shown[1].strip() == public
    assert json.loads(taken[1])["public"] == public
    opened = open_key_file(tmp_path / "desk" / "keys" / "copy.json", WORDS)
    assert isinstance(opened.key, SigningKey)


def test_a_key_file_is_never_written_over(hansa, tmp_path):
    line = ("key", "new", tmp_path / "k.json", "--dev")
    first, second = hansa(*line), hansa(*line)

    assert (first[0], second[0]) == (0, 73)
    assert "never overwritten" in second[2]


def test_a_new_key_needs_a_passphrase_or_somebody_to_ask(hansa, tmp_path):
    code, _, err = hansa("key", "new", tmp_path / "k.json", "--no-input")

    assert (code, "HANSA_PASSPHRASE" in err) == (77, True)
    assert not (tmp_path / "k.json").exists()


def test_a_key_that_is_not_there_is_66(hansa, tmp_path):
    assert hansa("key", "export", "nobody", "--home", tmp_path)[0] == 66


def test_the_environment_gives_a_passphrase(monkeypatch):
    monkeypatch.setenv("HANSA_PASSPHRASE", WORDS)

    assert passphrase.new_passphrase(None, no_input=True) == WORDS
    assert passphrase.old_passphrase(None, "a key", no_input=True) == WORDS


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(hansa, shell):
    code, out, _ = hansa("completion", shell)

    assert (code, "_HANSA_COMPLETE" in out) == (0, True)


def test_versions_are_told(hansa):
    _, people, _ = hansa("version", "-o", "table")
    _, program, _ = hansa("version", "-o", "json")

    assert people.startswith("hansa 0.")
    assert set(json.loads(program)) == {"hansa", "sdk", "python", "platform", "executable"}


@pytest.mark.parametrize("command", [("status",), ("stop",), ("kill", "node0"), ("start",)])
def test_the_demo_commands_need_a_demo(hansa, command):
    assert hansa("demo", *command)[0] == 66


def test_the_demo_commands_leave_other_networks_alone(hansa, tmp_path):
    hansa("net", "create", tmp_path / "n", "--members", "a")
    lines = (("demo",), ("demo", "rm", "--yes"), ("demo", "stop"))
    ended = [hansa(*line, "--home", tmp_path / "n") for line in lines]

    assert [code for code, _, _ in ended] == [77, 77, 77]
    assert all("code: demo.not-a-demo" in err for _, _, err in ended)
    assert (tmp_path / "n" / "genesis.json").exists()


def test_nothing_is_removed_without_a_yes(hansa, net):
    code, _, err = hansa("demo", "rm", "--no-input", "--home", net)

    assert (code, "--yes" in err, net.exists()) == (2, True, True)


def test_a_demo_that_does_not_run_is_removed(hansa, net):
    stopped = hansa("demo", "stop", "--home", net, "-o", "json")
    killed = hansa("demo", "kill", "node0", "--home", net, "-o", "json")
    removed = hansa("demo", "rm", "--yes", "--home", net)

    assert json.loads(stopped[1]) == {"stopped": []}
    assert json.loads(killed[1]) == {"killed": []}
    assert (removed[0], net.exists()) == (0, False)


def test_a_node_that_is_not_there_is_named_with_those_that_are(hansa, net):
    code, _, err = hansa("demo", "kill", "node9", "--home", net)

    assert (code, "node0, node1, node2, node3" in err) == (66, True)
