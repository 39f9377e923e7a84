"""The refusals that are listed for a method: what its code says, and nothing that it does not."""

import pytest

from hansa.receipt import REFUSALS
from node.contracts import describe_contracts


@pytest.fixture(scope="module")
def methods():
    described = describe_contracts()
    return {
        f"{contract}.{name}": set(about["refusals"])
        for contract, table in described.items()
        if contract != "queries"
        for name, about in table.items()
    }


@pytest.mark.parametrize(
    ("method", "codes"),
    [
        ("doc.register", {"EXISTS", "LINK", "STALE", "STATE", "SCHEMA"}),
        ("doc.sign", {"MISSING", "STALE", "STATE", "AUTH", "SIGN"}),
        ("asset.split", {"SUM", "HELD", "RULE", "STALE", "AUTH", "SIGN"}),
        ("match.reveal", {"SUM", "TIME"}),
        ("cred.log", {"DUPLICATE", "AUTH", "LIMIT", "TIME", "LINK"}),
        ("grant.deliver", {"CONSENT", "TIME", "STATE", "SIGN"}),
        ("profile.retire", {"TIME", "LINK", "STATE"}),
    ],
)
def test_a_method_lists_what_its_own_code_and_its_helpers_refuse(methods, method, codes):
    assert codes <= methods[method]


@pytest.mark.parametrize(
    ("method", "codes"),
    [
        ("doc.sign", {"SUM", "HELD", "PROFILE", "CONSENT"}),
        ("cred.template", {"SUM", "HELD", "CONSENT", "TIME"}),
    ],
)
def test_a_method_lists_nothing_that_no_code_of_it_says(methods, method, codes):
    assert not codes & methods[method]


def test_every_listed_code_is_of_the_closed_set(methods):
    assert set().union(*methods.values()) <= set(REFUSALS)
