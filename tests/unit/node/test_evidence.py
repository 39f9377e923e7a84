"""Proof of a lie becomes a file that one command takes to the chain."""

import json

from consensus.io import Evidence
from hansa.evidence import check_evidence
from hansa.votes import COMMIT
from node.evidence import EVIDENCE_FILES_MAX, EvidenceFolder
from storage.files import TEMPORARY
from tests.unit.consensus.talk import Talk
from tests.unit.consensus.world import CHAIN, verify


def _double_vote(talk, height=1):
    votes = (talk.vote(COMMIT, talk.block((text,)), 2, height=height) for text in ("a", "b"))
    return Evidence(2, *votes, "n02")


def test_the_file_holds_the_arguments_of_an_accusation(tmp_path):
    talk = Talk()

    path = EvidenceFolder(tmp_path).keep(_double_vote(talk))

    proof = bytes.fromhex(json.loads(path.read_text())["evidence"]["$bytes"])
    assert check_evidence(proof, CHAIN, talk.validators, verify).kind == "double-vote"
    assert path == tmp_path / "evidence" / "000000000001-n02.json"


def test_what_proves_nothing_leaves_no_file(tmp_path):
    talk = Talk()
    words = talk.vote(COMMIT, talk.block(), 2), talk.pre_prepare(talk.block())

    assert EvidenceFolder(tmp_path).keep(Evidence(2, *words, "n02")) is None
    assert list(tmp_path.iterdir()) == []


def test_a_lie_is_kept_once_and_a_liar_cannot_fill_the_disk(tmp_path):
    folder, talk = EvidenceFolder(tmp_path), Talk()

    kept = [folder.keep(_double_vote(talk, height)) for height in (1, 1, *range(2, 120))]

    assert kept[1] is None
    assert sum(path is not None for path in kept) == EVIDENCE_FILES_MAX


def test_a_file_that_the_power_cut_left_half_written_is_written_anew(tmp_path):
    folder, seen = EvidenceFolder(tmp_path), _double_vote(Talk())
    path = folder.keep(seen)
    half = path.with_name(path.name + TEMPORARY)
    path.rename(half)

    assert folder.keep(seen) == path
    assert not half.exists()


def test_who_lied_is_known_by_name_where_the_lie_was_seen():
    talk = Talk()
    for text in ("a", "b"):
        talk.hear(talk.vote(COMMIT, talk.block((text,)), 2))

    (seen,) = talk.total.evidence
    assert seen.validator == talk.validators.validators[2].name
