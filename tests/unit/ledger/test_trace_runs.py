"""Runs: begun before they end, ids used once, outputs new, and so no cycle."""

import pytest

from ledger.contract import Refused, load
from ledger.contracts.trace_queries import QUERIES
from ledger.contracts.trace_runs import INPUTS_MAX, RunRecord
from tests.unit.ledger.scene import Scene

SECRETS = {"code_digest": b"c" * 32, "params_commit": b"p" * 32}


def digest(name):
    """32 bytes that belong to a name; bytes are taken as they are."""
    return name if isinstance(name, bytes) else name.encode().ljust(32, b".")


def run_id(number):
    return f"{number:08x}-0000-4000-8000-{number:012x}"


class RunScene(Scene):
    """Runs of `farm`, unless another signs."""

    def run(self, kind, number=1, *signers, inputs=(), outputs=(), **more):
        args = {
            "inputs": [{"digest": digest(name)} for name in inputs], "job": "train/v1",
            "kind": kind, "outputs": [{"digest": digest(name)} for name in outputs],
            "run_id": run_id(number),
        }  # fmt: skip
        args |= SECRETS if kind == "START" else {}
        return self.call("trace", "run", args | more, *signers)

    def ran(self, *args, **more):
        receipt = self.run(*args, **more)
        assert receipt.code == "OK", (receipt.code, receipt.error_fields())
        return receipt.calls[0].value()

    def whole(self, number, inputs, outputs):
        """One run from its start to its end."""
        self.ran("START", number, inputs=inputs)
        return self.ran("COMPLETE", number, outputs=outputs)

    def record(self, number=1):
        return load(self.ledger.get_state(b"trace/run/" + run_id(number).encode()), RunRecord)

    def lineage(self, name, **more):
        kind, function = QUERIES["lineage"]
        return function(self.ledger.query_reader(), kind(digest=digest(name).hex(), **more))

    def found(self, name, **more):
        """Number and depth of the runs of a lineage."""
        runs = self.lineage(name, **more)["runs"]
        return [(int(one["id"][:8], 16), one["depth"]) for one in runs]


@pytest.fixture
def scene():
    return RunScene()


def test_a_run_begins_with_its_inputs_and_ends_with_its_outputs(scene):
    answer = scene.ran("START", inputs=["a", "b"])
    assert (answer["state"], answer["version"], answer["duplicate"]) == ("started", 1, False)
    scene.ran("COMPLETE", outputs=["m"])

    record = scene.record()
    assert (record.state, record.controller) == ("complete", "farm")
    assert (record.inputs, record.outputs) == ((digest("a"), digest("b")), (digest("m"),))
    assert record.ended > record.started


def test_keys_written_are_one_a_run_and_one_for_each_input_and_output(scene):
    scene.whole(1, ["a", "b"], ["m"])

    keys = [key.decode() for key, _ in scene.ledger.scan_state(b"trace/")]
    assert keys == [
        "trace/run/" + run_id(1),
        f"trace/use/{digest('a').hex()}/{run_id(1)}",
        f"trace/use/{digest('b').hex()}/{run_id(1)}",
        "trace/version/" + digest("m").hex(),
    ]


@pytest.mark.parametrize("kind", ["COMPLETE", "FAIL", "ABORT"])
def test_nothing_ends_that_has_not_begun(scene, kind):
    receipt = scene.run(kind)

    assert (receipt.code, receipt.error_fields()["need"]) == ("MISSING", "START")


def test_a_run_id_is_used_once(scene):
    scene.ran("START", inputs=["a"])

    assert scene.run("START", inputs=["b"]).code == "EXISTS"
    assert scene.run("START", 1, "carrier/app", inputs=["a"]).code == "EXISTS"


def test_the_same_event_again_changes_nothing(scene):
    scene.ran("START", inputs=["a"])
    assert scene.ran("START", inputs=["a"])["duplicate"]
    scene.ran("COMPLETE", outputs=["m"])
    before = scene.record()

    assert scene.ran("COMPLETE", outputs=["m"])["duplicate"]
    assert scene.ran("START", inputs=["a"])["duplicate"]
    assert scene.record() == before


@pytest.mark.parametrize(
    ("kind", "state"), [("FAIL", "failed"), ("ABORT", "aborted"), ("COMPLETE", "complete")]
)
def test_a_run_ends_once(scene, kind, state):
    scene.ran("START")
    assert scene.ran(kind)["state"] == state

    for other in {"COMPLETE", "FAIL", "ABORT"} - {kind}:
        receipt = scene.run(other)
        assert (receipt.code, receipt.error_fields()["have"]) == ("STATE", state)
    assert scene.run("COMPLETE", outputs=["late"]).code == "STATE"


def test_only_the_member_that_began_a_run_ends_it(scene):
    scene.ran("START")

    receipt = scene.run("COMPLETE", 1, "carrier/app")

    assert (receipt.code, receipt.error_fields()["need"]) == ("AUTH", "farm")


def test_a_run_is_of_one_job(scene):
    scene.ran("START")

    assert scene.run("COMPLETE", job="other").code == "STATE"


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("START", {"outputs": ["m"]}),
        ("START", {"code_digest": None}),
        ("START", {"params_commit": None}),
        ("COMPLETE", {"inputs": ["a"]}),
        ("COMPLETE", {"code_digest": b"c" * 32}),
        ("FAIL", {"outputs": ["m"]}),
        ("ABORT", {"params_commit": b"p" * 32}),
        ("OTHER", {}),
        ("START", {"run_id": "not-a-uuid"}),
        ("START", {"run_id": run_id(1).upper().replace("0", "A")}),
        ("START", {"job": ""}),
        ("START", {"inputs": [b"short"]}),
        ("START", {"inputs": [bytes([n]) * 32 for n in range(INPUTS_MAX + 1)]}),
    ],
)
def test_each_kind_of_event_has_its_own_fields(scene, kind, more):
    if kind in {"COMPLETE", "FAIL", "ABORT"}:
        scene.ran("START")

    assert scene.run(kind, **more).code == "SCHEMA"


def test_nothing_is_named_twice_in_one_list(scene):
    assert scene.run("START", inputs=["a", "a"]).code == "DUPLICATE"
    scene.ran("START", inputs=["a"])
    assert scene.run("COMPLETE", outputs=["m", "m"]).code == "DUPLICATE"


def test_as_many_inputs_as_the_limit_are_taken(scene):
    assert scene.run("START", inputs=[f"i{n}" for n in range(INPUTS_MAX)]).code == "OK"


def test_an_output_is_made_once(scene):
    scene.whole(1, ["a"], ["m"])
    scene.ran("START", 2, "carrier/app", inputs=["a"])

    receipt = scene.run("COMPLETE", 2, "carrier/app", outputs=["m"])

    assert receipt.code == "EXISTS"
    assert (receipt.error_fields()["by"], receipt.error_fields()["run"]) == ("farm", run_id(1))


def test_a_run_does_not_make_its_own_input(scene):
    scene.ran("START", inputs=["a"])

    receipt = scene.run("COMPLETE", outputs=["a"])

    assert (receipt.code, receipt.error_fields()["need"]) == ("LINK", "no cycle")


def test_a_run_does_not_make_what_another_has_used(scene):
    scene.ran("START", 1, inputs=["a"])
    scene.ran("START", 2, inputs=["b"])
    scene.ran("COMPLETE", 1, outputs=["c"])

    receipt = scene.run("COMPLETE", 2, outputs=["a"])

    assert (receipt.code, receipt.error_fields()["run"]) == ("LINK", run_id(1))


def test_outputs_that_are_refused_leave_nothing_behind(scene):
    scene.ran("START", inputs=["a"])
    assert scene.run("COMPLETE", outputs=["m", "a"]).code == "LINK"

    assert scene.ledger.get_state(b"trace/version/" + digest("m").hex().encode()) is None
    assert scene.record().state == "started"


# Lineage


@pytest.fixture
def graph(scene):
    """Raw → clean → model and split → model; model → report; raw → other."""
    scene.whole(1, ["raw"], ["clean", "split"])
    scene.whole(2, ["clean", "split"], ["model"])
    scene.whole(3, ["model"], ["report"])
    scene.whole(4, ["raw"], ["other"])
    return scene


def test_up_leads_to_the_sources_and_down_to_what_became_of_it(graph):
    assert graph.found("report", direction="up") == [(1, 2), (2, 1), (3, 0)]
    assert graph.found("raw", direction="down") == [(1, 0), (2, 1), (3, 2), (4, 0)]
    assert graph.found("model") == [(1, 1), (2, 0), (3, 0)]
    assert graph.found("other", direction="down") == []


def test_a_lineage_tells_who_ran_what_with_which_code(graph):
    answer = graph.lineage("model", direction="up")

    last = answer["runs"][-1]
    assert (answer["made_by"], last["id"], last["member"]) == (run_id(2), run_id(2), "farm")
    assert last["inputs"] == [digest("clean").hex(), digest("split").hex()]
    assert last["code_digest"] == (b"c" * 32).hex()
    assert graph.lineage("raw")["made_by"] is None


def test_depth_and_limits_cut_a_lineage_short_and_say_so(graph, monkeypatch):
    assert graph.found("report", direction="up", depth=2) == [(2, 1), (3, 0)]
    assert graph.lineage("report", direction="up", depth=2)["truncated"]
    assert not graph.lineage("report", direction="up", depth=3)["truncated"]
    monkeypatch.setattr("ledger.contracts.trace_queries.RUNS_MAX", 1)
    assert graph.lineage("report", direction="up")["truncated"]


def test_a_lineage_as_of_a_run_knows_nothing_that_began_later(graph):
    assert graph.found("raw", direction="down", as_of_run=run_id(2)) == [(1, 0), (2, 1)]
    assert graph.found("raw", direction="down", as_of_run=run_id(1)) == [(1, 0)]


def test_a_version_that_nobody_knows_is_missing(graph):
    with pytest.raises(Refused, match="MISSING"):
        graph.lineage("unknown")
    with pytest.raises(Refused, match="MISSING"):
        graph.lineage("raw", as_of_run=run_id(9))


def test_a_run_is_read_by_its_id(graph):
    kind, function = QUERIES["run"]

    answer = function(graph.ledger.query_reader(), kind(run_id=run_id(2)))

    assert (answer["state"], answer["outputs"]) == ("complete", [digest("model").hex()])
