"""What validators sign (docs/spec/consensus.md, section 3)."""

import pytest

from hansa.votes import (
    fresh_statement,
    new_view_statement,
    pre_prepare_statement,
    view_change_statement,
    vote_statement,
)
from tests.unit.hansa.frozen import frozen

KINDS = {
    "vote": vote_statement,
    "view-change": view_change_statement,
    "fresh": fresh_statement,
    "pre-prepare": pre_prepare_statement,
    "new-view": new_view_statement,
}
CASES = frozen("certificate")["statements"]


def fields_of(case):
    """The arguments: hashes stand as 64 hex digits."""
    return [
        bytes.fromhex(field) if isinstance(field, str) and len(field) == 64 else field
        for field in case["fields"]
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["kind"])
def test_every_statement_has_its_frozen_hash(case):
    assert KINDS[case["kind"]](*fields_of(case)).hex() == case["hash"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["kind"])
def test_a_statement_covers_each_of_its_fields(case):
    fields = fields_of(case)
    changed = {
        KINDS[case["kind"]](*fields[:place], other(fields[place]), *fields[place + 1 :])
        for place in range(len(fields))
    }

    assert len(changed | {bytes.fromhex(case["hash"])}) == len(fields) + 1


def other(field):
    """The same kind of field with another value."""
    match field:
        case str():
            return field + "x"
        case bytes():
            return bytes([field[0] ^ 1]) + field[1:]
        case _:
            return field + 1
