"""The child of `kill.py`: meets one copy of the tree, with one scenario or with seeds.

It writes one line of JSON: what noticed the mistake, or that nothing did.
"""

import argparse
import importlib
import importlib.util
import json
import signal
import sys
import time
import traceback
from pathlib import Path

SEED_S_MAX = 90
"""A seed that takes longer hangs: without the mistake none takes a tenth of it."""
LATER = ("chaos", "strategies", "scripted", "lying")
"""Generators of the campaign: modules beside the world, each with ``run(seed, size)``."""


class HangsError(Exception):
    """A seed came to no end."""


def _whole(seed):
    from tests.simulation.world import run_seed

    run_seed(seed, size=(4, 4, 5, 6)[seed % 4])


def _liars(seed):
    from tests.unit.consensus.liars import LiarWorld

    LiarWorld((4, 6, 4, 5)[seed % 4], seed).live_through()


def _twins(seed):
    from tests.unit.consensus.liars import TwinWorld

    size = (4, 6, 4, 5)[seed % 4]
    TwinWorld(size, seed, twins={seed % size}).live_through()


def _module(name):
    module = importlib.import_module(f"tests.simulation.{name}")
    return lambda seed: module.run(seed, (4, 4, 5, 6)[seed % 4])


def generators():
    """Name -> what runs a seed; those of the campaign as soon as they are there."""
    found = {"whole": _whole, "liars": _liars, "twins": _twins}
    for name in LATER:
        if importlib.util.find_spec(f"tests.simulation.{name}") is not None:
            found[name] = _module(name)
    return found


def scenario(name):
    """The function behind ``votes.two_halves_of_six_decide_nothing``."""
    module, _, function = name.partition(".")
    return getattr(
        importlib.import_module(f"tests.simulation.mutants.scenarios_{module}"), function
    )


def noticed(run):
    """What a run raises, in one line; None where it keeps every promise."""
    try:
        run()
    except Exception as error:  # noqa: BLE001 - any exception is a promise broken
        said = str(error).strip().splitlines()
        text = said[0] if said else traceback.extract_tb(error.__traceback__)[-1].line
        return f"{type(error).__name__}: {text[:100]}"
    return None


def try_scenario(name):
    """Meet the copy with one scenario."""
    began = time.monotonic()
    error = noticed(scenario(name))
    return {"by": name, "error": error, "seconds": time.monotonic() - began}


def try_seeds(limit_s, places, only=None):
    """Meet the copy with seeds until one is noticed or time is up; equal time to each generator.

    `places` says from which seed a generator goes on (else from 0); the answer says so again.
    """
    kinds = {name: run for name, run in generators().items() if only in {None, name}}
    spent = dict.fromkeys(kinds, 0.0)
    places = dict.fromkeys(kinds, 0) | places
    while True:
        name = min(kinds, key=spent.__getitem__)
        seed, began = places[name], time.monotonic()
        error = noticed(lambda run=kinds[name], seed=seed: in_time(run, seed))
        spent[name] += time.monotonic() - began
        places[name] += 1
        took = sum(spent.values())
        if error is not None or took > limit_s:
            return {"by": name, "seed": seed, "error": error, "seconds": took, "places": places}


def in_time(run, seed):
    """Run a seed; one that comes to no end has noticed something."""
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(SEED_S_MAX)
    try:
        run(seed)
    finally:
        signal.alarm(0)


def _give_up(_number, _frame):
    raise HangsError(f"more than {SEED_S_MAX} s")


def main():
    """Run what was asked for, on the copy that stands first on the path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copy", type=Path, required=True, help="where the product must come from")
    parser.add_argument("--scenario", help="one scenario")
    parser.add_argument("--seconds", type=float, default=0, help="seeds for so long")
    parser.add_argument("--places", type=json.loads, default={}, help="generator -> first seed")
    parser.add_argument("--generator", help="seeds of this one alone")
    given = parser.parse_args()
    for name in ("consensus.replica", "hansa.votes", "ledger.execution", "node.driver"):
        file = Path(importlib.import_module(name).__file__)
        assert file.is_relative_to(given.copy), f"{name} comes from {file}"
    found = (
        try_seeds(given.seconds, given.places, given.generator)
        if given.scenario is None
        else try_scenario(given.scenario)
    )
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
