"""`--seed N` runs seeded tests alone, with this one seed; a failing test's id holds its seed."""

from pathlib import Path

HERE = Path(__file__).parent


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=None, help="run seeded tests with this one seed")


def pytest_generate_tests(metafunc):
    """A test that takes `seed` gets the seeds that its module's SEEDS name, by the test's name."""
    if "seed" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("--seed", default=None)
    seeds = metafunc.module.SEEDS[metafunc.function.__name__] if chosen is None else [chosen]
    metafunc.parametrize("seed", seeds, ids=[f"seed-{seed}" for seed in seeds])


def pytest_collection_modifyitems(config, items):
    """Who looks for one seed does not wait for a thousand others."""
    if config.getoption("--seed", default=None) is None:
        return
    left = [item for item in items if HERE in item.path.parents and "seed" not in item.fixturenames]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]
