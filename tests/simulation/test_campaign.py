"""A campaign goes on where it was cut, keeps the results of other code apart, and reports."""

import json
import re
import shutil

import pytest

from hansa.membership import ValidatorSet
from tests.simulation import campaign
from tests.simulation.jobs import NEEDED, Job, job_of, result_of
from tests.simulation.run import main

CLOSING = re.compile(
    r"seeds 6, violations \d+, view changes in \d+ %, crashes in \d+ %, lies in \d+ %, "
    r"[\d.]+ seeds/s"
)
QUICK = ["--generator", "scripted", "--size", "4", "--processes", "1"]


@pytest.fixture
def broken_quorum(monkeypatch):
    """One of four is enough: chains fork."""
    monkeypatch.setattr(ValidatorSet, "quorum", property(lambda self: self.size // 4))


# -- plain runs ------------------------------------------------------------------------------------


def test_a_range_ends_with_its_closing_line(capsys):
    assert main(["--seeds", "4:10", *QUICK]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert CLOSING.fullmatch(lines[-1])
    assert lines[-1].startswith("seeds 6, violations 0,")


def test_two_processes_find_the_same(capsys):
    counts = []
    for processes in ("1", "2"):
        main(["--seeds", "4:10", *QUICK[:-1], processes])
        counts.append(capsys.readouterr().out.splitlines()[-1].rpartition(",")[0])

    assert counts[0] == counts[1]


def test_a_violation_is_named_with_its_replay(capsys, broken_quorum):
    assert main(["--seeds", "4:10", *QUICK]) == 1

    out = capsys.readouterr().out
    assert "violations 0" not in out
    replay = re.search(r"✗ seed \d+: .+; replay: scripts/simulate (.+)", out)
    assert main(replay[1].split()) == 1
    told = capsys.readouterr().out
    assert "✗ seed" in told
    assert "commits height" in told


def test_a_trace_tells_who_said_lost_voted_and_committed(capsys):
    assert main(["--seed", "7", "--generator", "scripted", "--size", "4", "--trace"]) == 0

    told = capsys.readouterr().out
    for word in ("says proposal", "says prepare", "says commit", "lost to", "commits height"):
        assert word in told


@pytest.mark.parametrize(
    "words",
    [
        ["--seeds", "5:5"],
        ["--seeds", "9"],
        ["--seed", "-1"],
        ["--seed", "1", "--seeds", "0:2"],
        ["--generator", "luck"],
        ["--size", "3"],
        ["--processes", "0"],
        ["--trace"],
        ["campaign"],
        ["campaign", "--resume", "x", "--shard", "2/2"],
        ["campaign", "--resume", "x", "--hours", "-1"],
        ["report", "nothing-there"],
    ],
    ids=" ".join,
)
def test_what_is_not_understood_says_what_to_do(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)

    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert told.startswith("✗ not understood: ")
    assert "\n  next: scripts/simulate" in told


# -- campaigns -------------------------------------------------------------------------------------

TOTALS = {"seed": 0, "case": 8}


def numbers(folder):
    return sorted(
        (record["kind"], record["number"])
        for record in campaign.Results(folder, campaign.code_digest()).records()
    )


def test_a_campaign_goes_on_where_it_was_cut(tmp_path, capsys):
    campaign.run(tmp_path, TOTALS)
    (path,) = tmp_path.glob("*/*.jsonl")
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]) + lines[-2][:30])

    campaign.run(tmp_path, TOTALS)

    assert "6 runs are there, 2 to do" in capsys.readouterr().out
    again = path.read_bytes().splitlines()
    assert len(again) == 8
    assert {facts(line) for line in again} == {facts(line) for line in whole.splitlines()}


def facts(line):
    """A result without its time."""
    return json.dumps({**json.loads(line), "seconds": 0}, sort_keys=True)


def test_a_finished_campaign_runs_nothing(tmp_path, capsys):
    campaign.run(tmp_path, TOTALS)
    campaign.run(tmp_path, TOTALS)

    assert "8 runs are there, 0 to do" in capsys.readouterr().out
    assert numbers(tmp_path) == [("case", number) for number in range(8)]


def test_shards_part_the_work_and_merge_again(tmp_path):
    for shard in range(2):
        campaign.run(tmp_path, TOTALS, part=(shard, 2))

    assert len(list(tmp_path.glob("*/*.jsonl"))) == 2
    assert numbers(tmp_path) == [("case", number) for number in range(8)]


def test_a_shard_has_all_generators():
    of_shard = [number for number in range(400) if campaign.in_shard(number, 1, 3)]

    shares = [sum(number % 4 == place for number in of_shard) for place in range(4)]
    assert len(set(shares)) == 1


def test_seeds_and_cases_run_side_by_side():
    first = campaign.wanted({"seed": 100, "case": 400}, set(), 0, 1)[:50]

    assert sum(kind == "seed" for kind, _ in first) == 10


def test_a_violation_makes_the_campaign_fail_and_stays_in_the_report(
    tmp_path, capsys, broken_quorum
):
    assert campaign.run(tmp_path, {"seed": 0, "case": 8}) > 0
    assert "; replay: scripts/simulate --generator" in capsys.readouterr().out

    assert main(["report", str(tmp_path)]) == 1

    assert "  replay: scripts/simulate --generator" in capsys.readouterr().out


def test_no_run_is_repeated_for_another_reason_than_its_number():
    jobs = [campaign.case_job(number) for number in range(600)]

    assert len({(job.generator, job.seed, job.size) for job in jobs}) == 600


def test_cases_are_of_four_and_seven_with_and_without_lies():
    jobs = [campaign.case_job(number) for number in range(600)]

    assert {(job.generator, job.size) for job in jobs} == {
        ("scripted", 4), ("scripted", 7), ("lying", 4), ("lying", 7),
    }  # fmt: skip


def test_a_run_that_differs_the_second_time_is_a_violation(monkeypatch):
    """A generator that asks for chance which no seed decides."""
    import secrets

    from tests.simulation import scripted

    honest = scripted.run
    monkeypatch.setattr(
        scripted, "run", lambda seed, size, story=None: honest(secrets.randbelow(10**6), size)
    )

    record = result_of(Job("scripted", 1, 4, twice=True))

    assert record["violation"] == "the same seed gave another run"


# -- reports ---------------------------------------------------------------------------------------


def write_results(folder, digest, met, runs=1_000):
    """Results as a campaign writes them."""
    with campaign.Results(folder, digest).open(0, 1) as file:
        for number in range(runs):
            job = job_of(number)
            record = {
                "generator": job.generator, "seed": number, "size": job.size, "digest": "00",
                "ms": 3_600, "met": met, "seen": ["evidence"], "seconds": 0.5,
            }  # fmt: skip
            campaign.keep(file, "seed", number, record)


def test_the_report_counts_what_was_met(tmp_path, capsys):
    write_results(tmp_path, campaign.code_digest(), list(NEEDED))

    assert main(["report", str(tmp_path)]) == 0

    told = capsys.readouterr().out
    assert "seeds 1000 (chaos 250, lying 250, scripted 250, strategies 250)" in told
    assert "simulated cluster-hours 1.0" in told
    assert "     1000 evidence" in told
    assert "violations 0" in told


@pytest.mark.parametrize("lacking", NEEDED)
def test_a_campaign_without_teeth_fails(lacking, tmp_path, capsys):
    write_results(tmp_path, campaign.code_digest(), [name for name in NEEDED if name != lacking])

    assert main(["report", str(tmp_path)]) == 1

    assert f"✗ too rare: {lacking}" in capsys.readouterr().out


def test_results_of_other_code_are_kept_apart(tmp_path, capsys):
    write_results(tmp_path, "0" * 16, list(NEEDED))

    assert main(["report", str(tmp_path)]) == 1

    told = capsys.readouterr().out
    assert "nothing was run on the code as it is now" in told
    assert "kept apart, of other code: digest 0000000000000000, seeds 1000" in told


def test_the_digest_changes_with_the_code_under_test_alone(tmp_path, monkeypatch):
    here = campaign.code_digest()
    product = ("consensus", "ledger", "node", "p2p", "sdk/src/hansa", "storage")
    for folder in (*product, "tests/simulation", "tests/unit/consensus"):
        source = campaign.ROOT / folder
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, tmp_path / folder, ignore=ignored, dirs_exist_ok=True)
    shutil.copy(campaign.ROOT / "tests" / "conftest.py", tmp_path / "tests")
    monkeypatch.setattr(campaign, "ROOT", tmp_path)
    assert campaign.code_digest() == here

    others = ["ledger/contracts/trace.py", "node/cli/root.py", "tests/simulation/run.py"]
    ours = ["consensus/votes.py", "node/driver.py", "sdk/src/hansa/block.py"]
    changes = {}
    for name in (*ours, "tests/simulation/cases.py", *others):
        path = tmp_path / name
        before = path.read_bytes()
        path.write_bytes(before + b"# other\n")
        changes[name] = campaign.code_digest() != here
        path.write_bytes(before)

    assert [name for name, changed in changes.items() if not changed] == others
