"""Logs: lines for machines or people, repeated warnings rare, secrets never."""

import io
import json
import logging

import pytest

from hansa.errors import Rejected
from hansa.signing import SigningKey
from node.logs import REPEAT_MS, REPEATS_MAX, TEXT_MAX, capture_standard, failure, make_logger


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Scene:
    """A logger, what it wrote, and its clock."""

    def __init__(self, stream=None, **options):
        self.stream = stream or io.StringIO()
        self.now = 0
        self.log = make_logger(
            self.stream, wall_ms=lambda: 1_000, mono_ms=lambda: self.now, **options
        )

    @property
    def lines(self):
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_event_level_and_fields():
    scene = Scene()
    scene.log.bind(node="node0").info("consensus.commit", height=7, took_s=0.5)

    assert scene.lines == [
        {
            "timestamp": "1970-01-01T00:00:01.000Z",
            "event": "consensus.commit",
            "level": "info",
            "node": "node0",
            "height": 7,
            "took_s": 0.5,
        }
    ]


def test_a_terminal_gets_coloured_text_and_may_refuse_the_colours():
    coloured, plain = Scene(Terminal()), Scene(Terminal(), colours=False)
    coloured.log.info("node.started", port=1)
    plain.log.info("node.started", port=1)

    assert "\x1b[" in coloured.stream.getvalue()
    assert plain.stream.getvalue().split() == [
        "1970-01-01T00:00:01.000Z",
        "[info",
        "]",
        "node.started",
        "port=1",
    ]


def test_the_form_can_be_chosen():
    json_on_terminal, text_in_file = Scene(Terminal(), form="json"), Scene(form="text")
    json_on_terminal.log.info("a")
    text_in_file.log.info("a")

    assert json_on_terminal.lines[0]["event"] == "a"
    assert "\x1b[" not in text_in_file.stream.getvalue()
    assert "[info" in text_in_file.stream.getvalue()


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", ["d", "i", "w", "e"]),
        ("info", ["i", "w", "e"]),
        ("warning", ["w", "e"]),
        ("error", ["e"]),
    ],
)
def test_what_is_below_the_level_is_not_written(level, seen):
    scene = Scene(level=level)
    scene.log.debug("d")
    scene.log.info("i")
    scene.log.warning("w")
    scene.log.error("e")

    assert [line["event"] for line in scene.lines] == seen


def test_a_repeated_warning_is_written_once_an_interval_and_counts_the_rest():
    scene = Scene()
    for now in (0, 1, REPEAT_MS - 1, REPEAT_MS, REPEAT_MS + 1):
        scene.now = now
        scene.log.warning("peer.slow", peer="node1")
    scene.log.warning("peer.slow", peer="node2")
    scene.log.info("peer.slow", peer="node1")

    assert [(line["peer"], line.get("left_out")) for line in scene.lines] == [
        ("node1", None),
        ("node1", 2),
        ("node2", None),
        ("node1", None),
    ]


def test_the_memory_of_warnings_is_bounded():
    scene = Scene()
    for number in range(REPEATS_MAX + 1):
        scene.log.warning("peer.slow", peer=str(number))
    scene.log.warning("peer.slow", peer=str(REPEATS_MAX))
    scene.log.warning("peer.slow", peer="0")

    assert len(scene.lines) == REPEATS_MAX + 2


def test_keys_bytes_and_payloads_never_appear():
    scene = Scene()
    seed = bytes(range(32))
    scene.log.info(
        "x",
        seed="secret",
        key=SigningKey(seed),
        signer=SigningKey(seed),
        raw=seed,
        many=[seed, (memoryview(seed),)],
        nested={"token": "secret", "n": None},
        long="x" * (TEXT_MAX + 1),
    )

    text = scene.stream.getvalue()
    assert "secret" not in text
    assert seed.hex() not in text
    assert scene.lines[0]["raw"] == "(32 bytes)"
    assert scene.lines[0]["many"] == ["(32 bytes)", ["(32 bytes)"]]
    assert scene.lines[0]["nested"] == {"token": "(not shown)", "n": None}
    assert len(scene.lines[0]["long"]) == TEXT_MAX + 1


def test_an_error_of_ours_brings_code_detail_and_hint():
    scene = Scene()
    scene.log.error("tx.refused", **failure(Rejected("a.b", "why", "what to do")))

    assert scene.lines[0]["code"] == "a.b"
    assert scene.lines[0]["hint"] == "what to do"


@pytest.fixture
def standard():
    """The standard library's root logger, put back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_what_libraries_log_goes_the_same_way(standard):
    scene = Scene()
    capture_standard(scene.log)
    library = logging.getLogger("some.library")
    library.info("not this")
    library.warning("slow %s", "thing")
    library.error("failed", exc_info=ValueError("broken"))

    assert [(line["event"], line["message"]) for line in scene.lines] == [
        ("library.warning", "slow thing"),
        ("library.error", "failed"),
    ]
    assert scene.lines[1]["error"] == "ValueError('broken')"
