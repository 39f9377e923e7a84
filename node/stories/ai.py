"""Joint training: three hospitals, five rounds, a test set that was fixed first, a model's label.

IEEE 3652.1-2020; OpenLineage 2 and GB/T 34945-2017 for the test set; OpenSSF Model Signing 1.0;
GB 45438-2025. Nobody shows its data: the chain holds digests of updates, first as commitments,
then open.
"""

import json
import uuid
from dataclasses import dataclass

from hansa.hashing import sha256
from node.stories.acting import Act, acts, issue
from node.stories.cast import INSPECTOR
from node.stories.offices import (
    CLINIC,
    EAST_HOSPITAL,
    EVALUATOR,
    LABORATORY,
    NORTH_HOSPITAL,
    SOUTH_HOSPITAL,
)
from node.stories.stage import DAY_MS, MINUTE_MS, Stage, Story
from node.stories.wire import CallSpec

ENDED_AGAIN = "the run that made the test set is given another outcome"
TWICE = "a hospital commits to a second update in the same round"
LEFT_OUT = "the laboratory aggregates without one hospital"
OTHER_TEST = "the evaluator tests with another set than was fixed"
HOSPITALS = (EAST_HOSPITAL, NORTH_HOSPITAL, SOUTH_HOSPITAL)
SCORES = (7_100, 7_900, 8_300, 8_600, 8_700)
"""Basis points on the test set, round by round."""
CONTRIBUTIONS = [4_200, 3_300, 2_500]
"""Basis points of the three hospitals."""
CASES = 1_200
"""Rows of the test set."""
WEIGHTS = 8
"""Numbers of the model, for a model that fits in a story."""


@dataclass(frozen=True, slots=True)
class Round:
    """A round: its record, and what the hospitals made of their data."""

    name: str
    updates: tuple[bytes, ...]

    @property
    def digests(self) -> list[str]:
        """What is revealed of the updates."""
        return [sha256(one).hex() for one in self.updates]

    @property
    def model(self) -> bytes:
        """The mean of the updates, in whole numbers."""
        parts = [json.loads(one)["weights"] for one in self.updates]
        mean = [sum(column) // len(parts) for column in zip(*parts, strict=True)]
        return json.dumps({"round": self.name, "weights": mean}).encode()


def play(stage: Stage) -> None:
    """Tell it."""
    test_set = _fix_test_set(stage)
    model = b""
    for number in range(1, len(SCORES) + 1):
        one = Round(stage.id(f"ROUND{number}"), _train(stage, number))
        _commit(stage, one, number, test_set)
        _reveal(stage, one, number)
        _close(stage, one, number, test_set)
        model = one.model
    stage.prove("the last round", f"asset/record/{stage.id('ROUND5')}")
    _publish(stage, model)


def _fix_test_set(stage: Stage) -> str:
    """The test set, by the run that made it and by whoever checked it; its digest."""
    run, name = str(uuid.uuid5(uuid.NAMESPACE_URL, stage.id("test-set"))), stage.id("DATA")
    raw, code = stage.digest("cases of 2025"), stage.digest("code that drew the cases")
    made, finished = stage.digest(stage.id("TEST")), stage.id("RUN")
    job: dict[str, object] = {"job": "lung/test-set", "run_id": run}
    begin: dict[str, object] = {
        "kind": "START",
        "inputs": [{"digest": raw}],
        "code_digest": code,
        "params_commit": stage.digest("the seed of the draw"),
    }
    body = {
        "digest": made.hex(),
        "name": "lung test set",
        "owner": stage.of(EVALUATOR),
        "run": run,
        "inputs": [raw.hex()],
        "code": code.hex(),
        "rows": CASES,
        "started_at": stage.now - 2 * MINUTE_MS,
        "ended_at": stage.now - MINUTE_MS,
        "licence": "for this training alone",
    }
    stage.do(
        f"draws {CASES:,} cases and fixes the test set by its digest before anybody trains",
        [
            ("trace", "run", job | begin),
            ("trace", "run", job | {"kind": "COMPLETE", "outputs": [{"digest": made}]}),
            stage.paper(stage.id("TEST"), "test_set"),
            stage.paper(finished, "run_complete", [name]),
            issue(name, "data.lineage@1", body, [finished]),
        ],
        EVALUATOR,
    )
    other: dict[str, object] = {
        "kind": "COMPLETE",
        "outputs": [{"digest": stage.digest("an easier test set")}],
    }
    stage.refused(ENDED_AGAIN, "STATE", [("trace", "run", job | other)], EVALUATOR)
    certify = Act("certify", {"digest": made.hex(), "score": 9_400})
    stage.do("certifies the test set: 9400 bp", acts(name, 1, certify), INSPECTOR)
    stage.prove("the test set, certified", f"asset/record/{name}")
    stage.prove("the run that made it", f"trace/version/{made.hex()}")
    return made.hex()


def _train(stage: Stage, number: int) -> tuple[bytes, ...]:
    """What each hospital trains on data that never leave it."""
    return tuple(
        json.dumps(
            {
                "round": number,
                "run": stage.tag,
                "weights": [
                    (place + 3) * (number + 2) * (hospital + 5) % 97 for place in range(WEIGHTS)
                ],
            }
        ).encode()
        for hospital in range(len(HOSPITALS))
    )


def _commit(stage: Stage, one: Round, number: int, test_set: str) -> None:
    """Each hospital commits before it sees what the others have."""
    body = {
        "project": "lung",
        "number": number,
        "key": f"lung-{stage.tag}/{number}",
        "coordinator": stage.of(LABORATORY),
        "members": [stage.of(hospital) for hospital in HOSPITALS],
        "test_set": test_set,
        "evaluator": stage.of(EVALUATOR),
        "close_by": stage.now + DAY_MS,
    }
    east, north, south = HOSPITALS
    stage.do(
        f"open round {number} and commit to the first update",
        [issue(one.name, "ai.round@1", body, [stage.id("TEST")]), *_promise(stage, one, 0)],
        LABORATORY,
        east,
    )
    stage.do(f"commits to its update of round {number}", _promise(stage, one, 1), north)
    if number == 1:
        again = _promise(stage, one, 1, version=3, paper=f"{one.name}-again")
        stage.refused(TWICE, "EXISTS", again, north)
    stage.do(
        f"commits to its update of round {number}; commitments are closed",
        [*_promise(stage, one, 2), *acts(one.name, 4, Act("stop_commits"))],
        south,
        LABORATORY,
    )


def _reveal(stage: Stage, one: Round, number: int) -> None:
    for place, hospital in enumerate(HOSPITALS):
        paper = f"{one.name}-update-{place}"
        update = {
            "id": paper,
            "digest": sha256(one.updates[place]),
            "size": len(one.updates[place]),
            "kind": "update",
            "media_type": "application/json",
            "about": [one.name],
        }
        stage.do(
            f"reveals the digest of its update of round {number}",
            [
                ("doc", "register", update),
                *acts(one.name, 5 + place, Act("reveal", evidence=[paper])),
            ],
            hospital,
        )


def _close(stage: Stage, one: Round, number: int, test_set: str) -> None:
    """All updates go in; the evaluator measures with the set of the start."""
    paper = {
        "id": f"{one.name}-model",
        "digest": sha256(one.model),
        "size": len(one.model),
        "kind": "aggregate",
        "media_type": "application/json",
        "about": [one.name],
    }
    kept: CallSpec = ("doc", "register", paper)
    digest = sha256(one.model).hex()
    evidence = [f"{one.name}-model"]
    stop = Act("stop_reveals")
    aggregate = Act("aggregate", {"model": digest, "inputs": one.digests}, evidence)
    measured = {"test_set": test_set, "score": SCORES[number - 1]}
    ending = [
        Act("evaluate", measured),
        Act("close", {"contributions": CONTRIBUTIONS}),
    ]
    if number > 1:
        stage.do(
            f"aggregate, evaluate and close round {number}: {SCORES[number - 1]} bp",
            [kept, *acts(one.name, 8, stop, aggregate, *ending)],
            LABORATORY,
            EVALUATOR,
        )
        return
    stage.do("closes the reveals", acts(one.name, 8, stop), LABORATORY)
    fewer = Act("aggregate", {"model": digest, "inputs": one.digests[:-1]}, evidence)
    stage.refused(LEFT_OUT, "RULE", [kept, *acts(one.name, 9, fewer)], LABORATORY)
    stage.do("aggregates all three updates", [kept, *acts(one.name, 9, aggregate)], LABORATORY)
    other = measured | {"test_set": stage.digest("an easier test set").hex()}
    stage.refused(OTHER_TEST, "RULE", acts(one.name, 10, Act("evaluate", other)), EVALUATOR)
    told = " / ".join(map(str, CONTRIBUTIONS))
    stage.do(f"evaluate and close round {number}; contributions {told} bp",
             acts(one.name, 10, *ending), EVALUATOR, LABORATORY)  # fmt: skip


def _promise(
    stage: Stage, one: Round, place: int, *, version: int = 0, paper: str = ""
) -> list[CallSpec]:
    """A hospital's commitment: the salted digest of its update, and the action."""
    name = paper or f"{one.name}-commitment-{place}"
    commit = Act("commit", evidence=[name])
    return [
        stage.paper(name, "update_commitment", [one.name]),
        *acts(one.name, version or 1 + place, commit),
    ]


def _publish(stage: Stage, model: bytes) -> None:
    """Model and card are signed as one manifest; what the model writes carries its number."""
    name = stage.id("MODEL")
    card = json.dumps(
        {"id": name, "name": "lung 1.0", "use": "second reading", "test_bp": SCORES[-1]}
    ).encode()  # fmt: skip
    manifest = json.dumps(
        {"files": {"card.json": sha256(card).hex(), "model.json": sha256(model).hex()}}
    ).encode()
    for file, content in (("model", model), ("card", card), ("manifest", manifest)):
        stage.file(f"{file}.json", content)
    digests = {"manifest": sha256(manifest).hex(), "card": sha256(card).hex()}
    signature = {
        "id": f"{name}-signature",
        "digest": sha256(manifest),
        "size": len(manifest),
        "kind": "model_signature",
        "media_type": "application/json",
        "signers_needed": [{"member": stage.of(each)} for each in (LABORATORY, *HOSPITALS)],
        "threshold": 1 + len(HOSPITALS),
        "about": [name],
    }
    body = {
        **digests,
        "name": "lung 1.0",
        "owner": stage.of(LABORATORY),
        "round": stage.id("ROUND5"),
        "produce_id": name,
    }
    stage.do(
        "sign the manifest of model and card, and register the model",
        [
            ("doc", "register", signature),
            ("doc", "sign", {"id": f"{name}-signature", "version": 1}),
            issue(name, "ai.model@1", body, [f"{name}-signature"]),
        ],
        LABORATORY,
        *HOSPITALS,
    )
    assess = Act("assess", {"manifest": digests["manifest"], "score": 7_000})
    stage.do("assesses the model's safety: 7000 bp", acts(name, 1, assess), EVALUATOR)
    licence = {"to": stage.of(CLINIC), **digests, "until": stage.now + 300 * DAY_MS}
    stage.do("license the model to the clinic, by manifest and card",
             acts(name, 2, Act("grant_licence", licence)), LABORATORY, CLINIC)  # fmt: skip
    _label(stage, name)
    stage.prove("the signed manifest", f"doc/record/{name}-signature")


def _label(stage: Stage, name: str) -> None:
    """The label in what the model wrote leads to the model's record (GB 45438-2025)."""
    label = {"Label": "1", "ContentProducer": LABORATORY.number, "ProduceID": name}
    written = json.dumps({"text": "no finding", "AIGC": label}, ensure_ascii=False).encode()
    path = stage.file("generated.json", written)
    content = {
        "id": f"{name}-output",
        "digest": sha256(written),
        "size": len(written),
        "kind": "generated_content",
        "media_type": "application/json",
        "about": [name],
    }
    stage.do("keeps a labelled text of the model", [("doc", "register", content)], CLINIC)
    found = json.loads(path.read_bytes())["AIGC"]["ProduceID"]
    known = stage.state(f"asset/unique/ai.model/label/{found}")
    stage.check(known == name, "the label in the text names the model on record")
    stage.prove("what the label leads to", f"asset/unique/ai.model/label/{found}")
    stage.prove("the model", f"asset/record/{found}")


STORY = Story(
    name="ai",
    title={"zh": "联合训练与模型标识", "en": "Three hospitals train a model together"},
    organisations=(LABORATORY, EVALUATOR, *HOSPITALS, CLINIC, INSPECTOR),
    profiles=("data.lineage@1", "ai.round@1", "ai.model@1"),
    accredited=(("ai_assessor", EVALUATOR), ("data_quality", INSPECTOR)),
    frauds={ENDED_AGAIN: "STATE", TWICE: "EXISTS", LEFT_OUT: "RULE", OTHER_TEST: "RULE"},
    play=play,
)
