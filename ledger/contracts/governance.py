"""`governance`: the chain's own rules, changed by its own transactions (contracts.md, section 5).

The promise: parameters, permissions and the validator set change only here, only by a
ballot or by evidence that anyone can check; a change of the set is in force at the next
height, is small enough for two quorums to meet, and never goes below the minimum.
"""

from typing import Annotated, ClassVar

import msgspec

from hansa.encoding import MemberName, Name, Value
from hansa.membership import VALIDATORS_MAX, ValidatorSet, fault_bound
from ledger.accuse import Judge
from ledger.authorise import Permission, Role
from ledger.ballots import expire, open_ballot, vote, withdraw
from ledger.contract import (
    BALLOT,
    TIMER,
    Arguments,
    Context,
    Contract,
    Refused,
    Stored,
    method,
)
from ledger.governed import ParametersVersion, ValidatorEntry, Validators, set_key
from ledger.parameters import PARAMETERS
from ledger.records import NodeRecord

EVIDENCE_BYTES_MAX = 64 * 1024
"""One or two signed messages."""

BallotId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{24}-[0-9]{1,3}(?![\s\S])")]
Nodes = Annotated[tuple[MemberName, ...], msgspec.Meta(max_length=VALIDATORS_MAX)]


class SetParameter(Arguments, frozen=True):
    """A parameter and its new value."""

    name: Annotated[str, msgspec.Meta(max_length=64)]
    value: int | Annotated[str, msgspec.Meta(max_length=256)]


class SetPermission(Arguments, frozen=True):
    """What a method demands: a role of the sender ("" for any), and of how many members."""

    contract: Name
    method: Name
    role: Role = ""
    members: Annotated[int, msgspec.Meta(ge=1, le=16)] = 1


class SetValidators(Arguments, frozen=True):
    """Registered nodes that become validators, and validators that stop being ones."""

    add: Nodes = ()
    remove: Nodes = ()


class Vote(Arguments, frozen=True):
    """A ballot and an answer."""

    id: BallotId
    approve: bool


class OfBallot(Arguments, frozen=True):
    """A ballot."""

    id: BallotId


class Accuse(Arguments, frozen=True):
    """Evidence against a validator."""

    evidence: Annotated[bytes, msgspec.Meta(min_length=1, max_length=EVIDENCE_BYTES_MAX)]


class Accusation(Stored, frozen=True):
    """``governance/accusation/<validator>/<kind>/<height>/<view>``: what was proven, and when."""

    by: str
    height: int
    removed: bool


class Governance(Contract):
    """Rules about rules."""

    name: ClassVar[str] = "governance"

    def __init__(self, judge: Judge | None = None) -> None:
        """Take what judges evidence; without it every accusation is refused."""
        self._judge = judge

    @method(SetParameter)
    def set_parameter(self, context: Context, given: SetParameter) -> Value:
        """Open a ballot on a parameter."""
        _check_parameter(given)
        return open_ballot(context, "set_parameter", given)

    @method(SetParameter, via=BALLOT)
    def apply_set_parameter(self, context: Context, given: SetParameter) -> Value:
        """Write a parameter."""
        _check_parameter(given)
        context.put_value("parameter/" + given.name, given.value)
        _count_change(context)
        context.event("parameter_set", name=given.name, value=given.value)
        return None

    @method(SetPermission)
    def set_permission(self, context: Context, given: SetPermission) -> Value:
        """Open a ballot on who may enter a method."""
        _check_method(context, given)
        return open_ballot(context, "set_permission", given)

    @method(SetPermission, via=BALLOT)
    def apply_set_permission(self, context: Context, given: SetPermission) -> Value:
        """Write a permission."""
        _check_method(context, given)
        permission = Permission(given.role, given.members)
        context.put(f"permission/{given.contract}.{given.method}", permission)
        _count_change(context)
        return None

    @method(SetValidators)
    def set_validators(self, context: Context, given: SetValidators) -> Value:
        """Open a ballot on the validator set."""
        _changed_set(context, given)
        return open_ballot(context, "set_validators", given)

    @method(SetValidators, via=BALLOT)
    def apply_set_validators(self, context: Context, given: SetValidators) -> Value:
        """Change the set for the next height."""
        _write_set(context, _changed_set(context, given))
        return None

    @method(Vote)
    def vote(self, context: Context, given: Vote) -> Value:
        """Vote on a ballot of any contract."""
        return vote(context, given.id, approve=given.approve)

    @method(OfBallot)
    def withdraw(self, context: Context, given: OfBallot) -> Value:
        """Take back a ballot that the sender's member opened."""
        return withdraw(context, given.id)

    @method(OfBallot, via=TIMER)
    def close_ballot(self, context: Context, given: OfBallot) -> Value:
        """End a ballot whose deadline has come."""
        expire(context, given.id)
        return None

    @method(Accuse)
    def accuse(self, context: Context, given: Accuse) -> Value:
        """Prove that a validator broke the protocol; it is removed where the set allows."""
        if self._judge is None:
            raise Refused("PROFILE", have="no judge of evidence")
        registry = context.registry
        offence = self._judge(
            given.evidence,
            context.scope.chain_id,
            lambda height: _set_at(context, height),
            registry.verify,
        )
        name, kind = offence.validator, offence.kind
        key = f"accusation/{name}/{kind}/{offence.height}/{offence.view}"
        if context.exists(key):
            raise Refused("EXISTS", key="governance/" + key)
        removed = _remove_offender(context, name)
        context.put(key, Accusation(context.sender.member, context.height, removed))
        context.event("accused", validator=name, kind=kind, height=offence.height, removed=removed)
        return {"kind": kind, "removed": removed, "validator": name}


def _check_parameter(given: SetParameter) -> None:
    kind = PARAMETERS.get(given.name)
    if kind is None:
        raise Refused("MISSING", parameter=given.name)
    if not kind.accepts(given.value):
        raise Refused("SCHEMA", field="$.value", have=given.value)


def _check_method(context: Context, given: SetPermission) -> None:
    contract = context.scope.contracts.get(given.contract)
    if contract is None or given.method not in contract.methods:
        raise Refused("MISSING", contract=given.contract, method=given.method)


def _count_change(context: Context) -> None:
    version = context.need("parameters", ParametersVersion).version
    context.put("parameters", ParametersVersion(version + 1))
    context.changed("parameters", version, version + 1)


def _changed_set(context: Context, given: SetValidators) -> Validators:
    """The set after a change.

    Raises:
        Refused: ``SCHEMA`` (nothing changes), ``EXISTS``, ``MISSING``, ``STATE`` (a member
            that is not in force) or ``RULE`` (too many changes, too few left).
    """
    current = context.need("validators", Validators)
    entries = {one.name: one for one in current.validators}
    names = (*given.add, *given.remove)
    if not names or len(set(names)) != len(names):
        raise Refused("SCHEMA", field="$.add")
    for name in given.remove:
        if entries.pop(name, None) is None:
            raise Refused("MISSING", validator=name)
    for name in given.add:
        if name in entries:
            raise Refused("EXISTS", validator=name)
        entries[name] = _candidate(context, name)
    already = current.changes if current.changed_at == context.height else 0
    changes = already + len(names)
    bound = max(1, fault_bound(len(current.validators)))
    if changes > bound:
        raise Refused("RULE", field="changes", have=changes, need=bound)
    minimum = int(context.registry.parameter("validators.minimum"))
    if not minimum <= len(entries) <= VALIDATORS_MAX:
        raise Refused("RULE", field="validators", have=len(entries), need=minimum)
    chosen = tuple(entries[name] for name in sorted(entries))
    return Validators(chosen, context.height, changes)


def _candidate(context: Context, name: str) -> ValidatorEntry:
    node = context.within("org").need("node/" + name, NodeRecord)
    if not context.registry.is_member(node.member):
        raise Refused("STATE", member=node.member, need="active")
    return ValidatorEntry(node.validator_key, node.member, name)


def _write_set(context: Context, after: Validators) -> None:
    context.put("validators", after)
    context.put(set_key(context.height + 1), after)
    names: list[Value] = [one.name for one in after.validators]
    context.event("validators_set", names=names, height=context.height + 1)


def _remove_offender(context: Context, name: str) -> bool:
    """Take an offender out of the set, if it is in it and the set can do without."""
    try:
        after = _changed_set(context, SetValidators(remove=(name,)))
    except Refused:
        return False
    _write_set(context, after)
    return True


def _set_at(context: Context, height: int) -> ValidatorSet | None:
    """The set that signs a height, up to the block's own."""
    if not 0 < height <= context.height:
        return None
    found: Validators | None = None
    for key, validators in context.scan("set/", Validators):
        if key > set_key(height):
            break
        found = validators
    return None if found is None else found.as_set()
