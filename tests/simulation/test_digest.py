"""A campaign's digest covers every file of the product that a simulated run executes."""

import sys

import pytest

from tests.simulation.campaign import NEVER_RUN, ROOT, _file_of, sources
from tests.simulation.jobs import GENERATORS, Job, load_generators, outcome_of

PRODUCT = tuple(
    f"{ROOT / folder}/" for folder in ("consensus", "ledger", "node", "p2p", "sdk/src", "storage")
)
SEEDS = range(6)


def executed(runs):
    """The files of the product with a function that is called in these runs."""
    found = set()

    def note(frame, event, _argument):
        if event == "call":
            found.add(frame.f_code.co_filename)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        for job in runs:
            outcome_of(job)
    finally:
        sys.setprofile(before)
    return {path for path in found if path.startswith(PRODUCT)}


@pytest.mark.slow
@pytest.mark.parametrize("generator", GENERATORS)
def test_what_a_run_executes_is_in_the_digest(generator):
    load_generators()
    runs = executed([Job(generator, seed, (4, 5)[seed % 2]) for seed in SEEDS])

    assert f"{ROOT}/consensus/replica.py" in runs
    assert runs <= {str(path) for path in sources()}


def test_what_is_left_out_is_there_and_has_a_reason():
    for name, reason in NEVER_RUN.items():
        assert _file_of(name) is not None
        assert len(reason) > 20
        assert _file_of(name) not in sources()


def test_clients_call_no_contract_that_is_left_out():
    """The worlds' transactions name their contract in the source of the generators."""
    simulation = [path for path in sources() if path.is_relative_to(ROOT / "tests")]
    texts = [path.read_text(encoding="utf-8") for path in simulation]

    for name in NEVER_RUN:
        contract = name.rpartition(".")[2]
        assert not any(f'Call.of("{contract}"' in text for text in texts)


@pytest.mark.parametrize(
    "name",
    [
        "ledger/contracts/trace_walk.py",
        "ledger/machine/engine.py",
        "node/api/__init__.py",
        "node/cli/root.py",
        "sdk/src/hansa/client/asynchronous.py",
        "sdk/src/hansa/vc/check.py",
        "sdk/src/hansa/epcis/document.py",
    ],
)
def test_what_no_run_depends_on_changes_nothing(name):
    assert (ROOT / name).is_file()
    assert ROOT / name not in sources()


@pytest.mark.parametrize(
    "name",
    [
        "consensus/replica.py",
        "ledger/contracts/doc.py",
        "ledger/contracts/governance.py",
        "ledger/execution.py",
        "node/assemble.py",
        "node/driver.py",
        "node/mempool.py",
        "node/sync.py",
        "sdk/src/hansa/encoding.py",
        "storage/wal.py",
        "tests/simulation/rules.py",
        "tests/unit/consensus/world.py",
    ],
)
def test_what_decides_a_run_counts(name):
    assert ROOT / name in sources()
