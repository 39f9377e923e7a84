"""The typed calls are those of the contracts, and make the calls that a contract takes."""

import inspect
import types
import typing

import pytest

import hansa.calls
from hansa.calls import acting, asset, doc, grant, match
from hansa.calls.build import Group, build
from hansa.errors import Rejected
from hansa.transaction import Call
from ledger.contracts import CONTRACTS
from node.contracts import describe_contracts
from tests.tidy import sdk_calls

PUBLISHED = {name: found for name, found in describe_contracts().items() if name in CONTRACTS}
METHODS = [(contract, method) for contract, methods in PUBLISHED.items() for method in methods]


def module(contract):
    return __import__(f"hansa.calls.{contract}", fromlist=["_"])


def function(contract, method):
    return getattr(module(contract), sdk_calls.name_of(method))


def schema(contract, method):
    """Names and required names of the arguments, as `/v1/contracts` tells them."""
    whole = PUBLISHED[contract][method]["arguments"]
    top = whole["$defs"][whole["$ref"].rpartition("/")[2]]
    return set(top.get("properties", {})), set(top.get("required", ()))


def test_the_modules_are_those_that_the_contracts_make():
    stale = [
        name
        for name, text in sdk_calls.files().items()
        if not (sdk_calls.FOLDER / name).exists()
        or (sdk_calls.FOLDER / name).read_text(encoding="utf-8") != text
    ]

    assert stale == [], "run scripts/reference and look at what changed"


@pytest.mark.parametrize(("contract", "method"), METHODS)
def test_a_function_takes_what_the_node_publishes(contract, method):
    parameters = inspect.signature(function(contract, method)).parameters.values()
    names = {parameter.name.removesuffix("_") for parameter in parameters}
    required = {
        parameter.name.removesuffix("_")
        for parameter in parameters
        if parameter.default is parameter.empty
    }

    assert (names, required) == schema(contract, method)
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)


def test_there_is_no_function_beside_the_methods():
    found = {
        (contract, name.removesuffix("_"))
        for contract in PUBLISHED
        for name, value in vars(module(contract)).items()
        if isinstance(value, types.FunctionType) and value.__module__ == f"hansa.calls.{contract}"
    }

    assert found == set(METHODS)


@pytest.mark.parametrize(("contract", "method"), METHODS)
def test_a_function_says_what_it_does_and_what_its_arguments_are(contract, method):
    told = function(contract, method).__doc__

    assert told.splitlines()[0]
    assert all(f"{sdk_calls.name_of(name)}: " in told for name in schema(contract, method)[0])


@pytest.mark.parametrize(("contract", "method"), METHODS)
def test_who_acts_has_the_same_methods(contract, method):
    kept = []
    everything = acting.Contracts(kept.append)
    bound = getattr(getattr(everything, contract), sdk_calls.name_of(method))

    assert bound.__doc__ == function(contract, method).__doc__
    with pytest.raises(TypeError, match="positional"):
        bound("positional")


@pytest.mark.parametrize(("contract", "method"), METHODS)
def test_everything_that_is_given_is_sent_under_the_contracts_own_names(contract, method):
    names, _ = schema(contract, method)
    call = function(contract, method)(**{sdk_calls.name_of(name): name for name in names})

    assert call == Call.of(contract, method, {name: name for name in names})


def test_what_is_left_out_is_not_sent():
    call = asset.issue(id="R-1", profile="receipt@1", quantity=3)

    assert call == Call.of("asset", "issue", {"id": "R-1", "profile": "receipt@1", "quantity": 3})


def test_lists_and_maps_of_any_kind_are_encoded():
    call = doc.register(
        id="a",
        digest=bytes(32),
        signers_needed=({"member": "farm"},),
        meta=types.MappingProxyType({"lot": "7"}),
    )

    assert call.arguments() == {
        "id": "a",
        "digest": bytes(32),
        "signers_needed": [{"member": "farm"}],
        "meta": {"lot": "7"},
    }


def test_a_name_that_python_keeps_is_sent_as_the_contract_calls_it():
    call = grant.publish(id="d", descriptor_digest=bytes(32), class_="open")

    assert call.arguments()["class"] == "open"


def test_words_of_a_closed_set_are_in_the_type():
    hints = typing.get_type_hints(match.differ)

    assert "QTY_DIFF" in typing.get_args(hints["code"])


def test_a_fraction_is_no_value():
    with pytest.raises(Rejected, match=r"encoding\.value"):
        build("asset", "issue", {"quantity": 1.5})


def test_who_acts_hands_each_call_on():
    kept = []
    acting.Contracts(kept.append).doc.decline(id="a", version=1)

    assert kept == [doc.decline(id="a", version=1)]


def test_a_method_of_the_class_is_no_method_of_somebody():
    assert acting.Doc.register is not None
    assert isinstance(acting.Doc(print), Group)


def test_the_package_says_where_it_comes_from():
    assert "scripts/reference" in hansa.calls.__doc__
