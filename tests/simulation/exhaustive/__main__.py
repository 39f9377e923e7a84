"""`python -m tests.simulation.exhaustive --minutes M --views V`: see `search`."""

import argparse
import sys
import time
from contextlib import nullcontext

from tests.simulation.exhaustive.search import TWO_CLAIMS, Search, ViolationError
from tests.simulation.spec.mutants import MUTANTS, active


def main():
    """Search the scopes that were asked for; exit 1 on a violation."""
    parser = argparse.ArgumentParser(prog="tests.simulation.exhaustive", description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.5, help="for each place of the liar")
    parser.add_argument("--views", type=int, default=1, help="views 0 to V (default 1)")
    parser.add_argument("--size", type=int, default=4, help="validators (default 4)")
    parser.add_argument("--liar", type=int, help="its role: primary of which view (default: each)")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="search a core with a mistake")
    parser.add_argument("--deep", action="store_true", help="depth first: to hunt, not to prove")
    parser.add_argument(
        "--two-claims", action="store_true", help="begin where two views have prepared blocks"
    )
    chosen = parser.parse_args()
    # Who is primary of no view in the scope is the same as any other such one.
    places = range(min(chosen.views + 2, chosen.size)) if chosen.liar is None else [chosen.liar]
    violations = 0
    with nullcontext() if chosen.mutant is None else active(chosen.mutant):
        for liar in places:
            began = time.monotonic()
            search = Search(chosen.size, liar, chosen.views)
            story = ""
            try:
                if chosen.two_claims:
                    search.walk(TWO_CLAIMS)
                search.run(began + 60 * chosen.minutes, deep=chosen.deep)
            except ViolationError as violation:
                story = f"{violation}\n"
            violations += bool(story)
            kept = sum(map(len, search.cores.locals.values()))
            sys.stdout.write(
                f"n {chosen.size}, views 0..{chosen.views}, liar: primary of view {liar}: "
                f"states {len(search.seen)}, depth {search.depth}, "
                f"complete {'yes' if search.complete else 'no'}, violations {bool(story):d} "
                f"({kept} local states, {search.transitions} transitions, "
                f"{time.monotonic() - began:.1f} s)\n{story}"
            )
            sys.stdout.flush()
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
