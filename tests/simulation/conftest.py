"""`--seed N` runs every seeded test with this one seed; a failing test's id holds its seed."""


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=None, help="run seeded tests with this one seed")


def pytest_generate_tests(metafunc):
    """A test that takes `seed` gets the seeds that its module's SEEDS name, by the test's name."""
    if "seed" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("--seed", default=None)
    seeds = metafunc.module.SEEDS[metafunc.function.__name__] if chosen is None else [chosen]
    metafunc.parametrize("seed", seeds, ids=[f"seed-{seed}" for seed in seeds])
