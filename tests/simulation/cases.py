"""Twins cases (Bano et al., OPODIS 2021): a number names a script, the same one on any machine.

A script says for each of a few rounds who is primary and, phase by phase, who hears whom. Up to f
validators run twice. Validators are interchangeable, so scripts that differ by names alone are
one case: each stands for its whole orbit by the smallest of its forms. A quarter of the numbers
walk, for four validators, through all scripts of three rounds with one split in two a round, none
left out; all other cases are drawn.
"""

import itertools
import random
from dataclasses import dataclass
from functools import cache

from hansa.membership import fault_bound, quorum_size

PHASES = ("view change", "proposal", "prepare", "commit")
CRASHES = ("before its write", "before its words", "after its first word")
ORBITS_SIZE_MAX = 7
"""Above it a case has too many other names: it stays as it was drawn."""
STRIDE = 7_919
"""Neighbours in the walk through all scripts lie this far apart, so that a part of it has all."""
WALK_SIZE, WALK_ROUNDS = 4, 3


@dataclass(frozen=True)
class Case:
    """A script.

    A slot is a running replica: slots 0 to size - 1 are the validators, slot size + i is the
    second half of validator i, for the first `twins` validators.

    Attributes:
        rounds: for each round its primary, and for each phase a cell for each slot: twice the
            group of the slot, one more where the slot is deaf. A word arrives within a group, at
            who is not deaf.
        crashes: (slot, which of its writes, index of `CRASHES`).
        leak: how much of what no round scripts (hints, block sync) arrives before calm, in
            percent.
    """

    size: int
    twins: int
    rounds: tuple
    crashes: tuple = ()
    leak: int = 0

    @property
    def slots(self):
        """How many replicas run."""
        return self.size + self.twins

    def passes(self, row, phase, source, target):
        """Whether a word of a phase of a round arrives."""
        cells = self.rounds[row][1][phase]
        return cells[source] >> 1 == cells[target] >> 1 and not cells[target] & 1

    @property
    def splits(self):
        """Whether any word is lost by the script."""
        return any(len(set(cells)) > 1 for _, phases in self.rounds for cells in phases)


def case_of(seed, size):
    """The case behind a number."""
    block, place = divmod(seed, 16)
    if size == WALK_SIZE and place < 4:
        walk = all_scripts()
        return walk[(block * 4 + place) * STRIDE % len(walk)]
    return canonical(drawn(random.Random(f"case {seed} {size}"), size))


def walking(index):
    """The number of a step of the walk."""
    return index // 4 * 16 + index % 4


def drawing(index):
    """The number of a drawn case, whatever its size."""
    return index // 12 * 16 + 4 + index % 12


# -- drawn cases ---------------------------------------------------------------------------------


def drawn(chance, size):
    """Any script of three to five rounds."""
    faults = fault_bound(size)
    twins = faults if chance.random() < 0.7 else chance.randint(0, faults)
    slots = size + twins
    steady = chance.random() < 0.2
    split = _split(chance, slots)
    rounds = []
    for _ in range(chance.randint(3, 5)):
        if not steady:
            split = _split(chance, slots)
        phases = tuple(_cells(chance, size, slots, split) for _ in PHASES)
        rounds.append((_primary(chance, size, twins), phases))
    crashes = []
    if chance.random() < 0.75:
        for _ in range(chance.randint(1, 3)):
            write, kind = chance.randint(1, 8), chance.randrange(len(CRASHES))
            crashes.append((chance.randrange(slots), write, kind))
    leak = chance.choice((0, 0, 10, 50))
    return Case(size, twins, tuple(rounds), tuple(sorted(set(crashes))), leak)


def _primary(chance, size, twins):
    """Twins lead half of the rounds: only who leads can propose two blocks."""
    return chance.randrange(twins if twins and chance.random() < 0.5 else size)


def _split(chance, slots):
    parts = chance.choice((1, 2, 2, 2, 3))
    return [chance.randrange(parts) for _ in range(slots)]


def _cells(chance, size, slots, split):
    """Who hears whom in a phase: what decides just here and not there is tried most."""
    match chance.choices(("all", "few", "quorum", "split", "any"), (35, 20, 20, 15, 10))[0]:
        case "all":
            return (0,) * slots
        case "few":
            hearing = chance.sample(range(slots), chance.randint(1, 2))
            return tuple(int(slot not in hearing) for slot in range(slots))
        case "quorum":
            signers = chance.sample(range(size), quorum_size(size))
            inside = {signer + size * (signer + size < slots and chance.random() < 0.5)
                      for signer in signers}  # fmt: skip
            return _named([2 * (slot not in inside) for slot in range(slots)])
        case "split":
            return _named([2 * group for group in split])
        case _:
            return _named([2 * group + (chance.random() < 0.3) for group in _split(chance, slots)])


def _named(cells):
    """Groups are numbered in the order of their first slot."""
    names = {}
    return tuple(2 * names.setdefault(cell >> 1, len(names)) + (cell & 1) for cell in cells)


# -- symmetry ------------------------------------------------------------------------------------


@cache
def renamings(size, twins):
    """Every way to rename slots that leaves twins twins: for each new slot the old one."""
    found = []
    for front in itertools.permutations(range(twins)):
        for back in itertools.permutations(range(twins, size)):
            for swaps in itertools.product((False, True), repeat=twins):
                firsts = [old + size * swap for old, swap in zip(front, swaps, strict=True)]
                seconds = [old + size * (not swap) for old, swap in zip(front, swaps, strict=True)]
                found.append((*firsts, *back, *seconds))
    return found


def renamed(case, renaming):
    """The same script with other names."""
    new = {old: slot for slot, old in enumerate(renaming)}
    rounds = tuple(
        (
            new[primary] % case.size,
            tuple(_named([cells[old] for old in renaming]) for cells in phases),
        )
        for primary, phases in case.rounds
    )
    crashes = tuple(sorted((new[slot], write, kind) for slot, write, kind in case.crashes))
    return Case(case.size, case.twins, rounds, crashes, case.leak)


def canonical(case):
    """The smallest of the forms that differ by names alone."""
    if case.size > ORBITS_SIZE_MAX:
        return case
    left = renamings(case.size, case.twins)
    for primary, phases in case.rounds:
        for cells in phases:
            left = _smallest(left, lambda way, c=cells: _named([c[old] for old in way]))
        left = _smallest(left, lambda way, p=primary: _place(way, p, case.size))
        if len(left) == 1:
            break
    return min((renamed(case, way) for way in left), key=lambda form: form.crashes)


def _place(renaming, signer, size):
    """The new name of a validator."""
    return next(slot for slot, old in enumerate(renaming) if old % size == signer % size) % size


def _smallest(ways, key):
    """Those of the renamings that give the smallest key."""
    if len(ways) == 1:
        return ways
    keys = [key(way) for way in ways]
    best = min(keys)
    return [way for way, its in zip(ways, keys, strict=True) if its == best]


# -- all cases of a small scope --------------------------------------------------------------------


@cache
def all_scripts(rounds=WALK_ROUNDS):
    """Every script of some rounds of four validators, one twice, one split in two a round."""
    slots = WALK_SIZE + 1
    splits = [
        tuple(2 * (0 if slot == 0 else number >> (slot - 1) & 1) for slot in range(slots))
        for number in range(2 ** (slots - 1))
    ]
    rows = [(primary, split) for primary in range(WALK_SIZE) for split in map(_named, splits)]
    number = {row: index for index, row in enumerate(rows)}
    images = [
        [
            number[_place(way, primary, WALK_SIZE), _named([split[old] for old in way])]
            for primary, split in rows
        ]
        for way in renamings(WALK_SIZE, 1)
    ]
    return [
        Case(WALK_SIZE, 1, tuple((rows[i][0], (rows[i][1],) * len(PHASES)) for i in path))
        for path in _orbits(images, len(rows), rounds)
    ]


def _orbits(images, rows, length):
    """The smallest of each orbit of sequences: each row is smallest for who left those before."""
    if length == 0:
        yield ()
        return
    for row in range(rows):
        if all(image[row] >= row for image in images):
            staying = [image for image in images if image[row] == row]
            for rest in _orbits(staying, rows, length - 1):
                yield (row, *rest)
