"""Proof of a lie becomes a file that one command takes to the chain."""

import json

from consensus.io import Evidence
from hansa.evidence import check_evidence
from hansa.votes import COMMIT
from node.evidence import EVIDENCE_FILES_MAX, EvidenceFolder
from tests.unit.consensus.talk import Talk
from tests.unit.consensus.world import CHAIN, verify


def _double_vote(talk):
    first, second = (talk.vote(COMMIT, talk.block((text,)), 2) for text in ("a", "b"))
    return Evidence(2, first, second)


def test_the_file_holds_the_arguments_of_an_accusation(tmp_path):
    talk = Talk()

    path = EvidenceFolder(tmp_path).keep(_double_vote(talk), "n02", 1)

    proof = bytes.fromhex(json.loads(path.read_text())["evidence"]["$bytes"])
    assert check_evidence(proof, CHAIN, talk.validators, verify).kind == "double-vote"
    assert path == tmp_path / "evidence" / "000000000001-n02.json"


def test_what_proves_nothing_leaves_no_file(tmp_path):
    talk = Talk()
    nothing = Evidence(2, talk.vote(COMMIT, talk.block(), 2), talk.pre_prepare(talk.block()))

    assert EvidenceFolder(tmp_path).keep(nothing, "n02", 1) is None
    assert list(tmp_path.iterdir()) == []


def test_a_lie_is_kept_once_and_a_liar_cannot_fill_the_disk(tmp_path):
    folder, seen = EvidenceFolder(tmp_path), _double_vote(Talk())

    kept = [folder.keep(seen, "n02", height) for height in (1, 1, *range(2, 200))]

    assert kept[1] is None
    assert sum(path is not None for path in kept) == EVIDENCE_FILES_MAX
