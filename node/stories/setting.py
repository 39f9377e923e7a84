"""What must be there before a story begins: organisations, profiles, accreditations.

The promise: everything is decided by ballots that the members vote on, with the keys that lie in
the network's directory; what is there already is used as it is, so that a second run asks nobody.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import cast

from hansa.encoding import Value
from hansa.errors import Rejected
from hansa.receipt import OK, Receipt
from node.stories.cast import Organisation
from node.stories.keyring import Keyring
from node.stories.wire import CallSpec, Wire, Work

BALLOTS_A_TRANSACTION = 16
"""Questions that one transaction opens: profiles of some 10 KiB each stay under 256 KiB."""
TRIES = 3
"""Two runs that begin at once decide the same things: who comes second looks again."""


ANOTHER_WAS_FASTER = ("DUPLICATE", "EXISTS")
"""What a run is told that decides what another one has just decided."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What stories need.

    Attributes:
        organisations: who plays.
        profiles: ids of ready profiles, ``<name>@<version>``.
        accredited: types of `cred` and the organisations that must have them.
    """

    organisations: tuple[Organisation, ...]
    profiles: tuple[str, ...]
    accredited: tuple[tuple[str, Organisation], ...]


@dataclass(slots=True)
class Prepared:
    """What was found or made: member names by organisation, and a line for each thing made."""

    members: dict[Organisation, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)


def prepare(wire: Wire, keys: Keyring, needs: Needs) -> Prepared:
    """Find or make everything that `needs` names.

    Raises:
        Rejected: ``story.votes`` when the keys here do not decide a ballot, ``story.ballot``
            when ballots do not pass, ``key.missing`` when an organisation is on the chain
            and its key is not here.
    """
    prepared = Prepared()
    _admit(wire, keys, needs.organisations, prepared)
    missing = [name for name in needs.profiles if not _in_force(wire, name)]
    if missing:
        _decide(wire, keys, lambda: _proposals(wire, missing))
        for name in missing:
            _join(wire, keys, name)
        prepared.made += [f"profile {name} put in force" for name in missing]
    wanted = [(kind, prepared.members[one]) for kind, one in needs.accredited]
    lacking = [pair for pair in dict.fromkeys(wanted) if not _accredited(wire, *pair)]
    if lacking:
        _decide(wire, keys, lambda: _accreditations(wire, lacking))
        prepared.made += [f"{member} accredited as {kind}" for kind, member in lacking]
    return prepared


def ready_profile(profile_id: str) -> Mapping[str, Value]:
    """A ready profile as its file has it.

    Raises:
        Rejected: ``story.profile`` when none of this id ships.
    """
    name, _, version = profile_id.partition("@")
    file = resources.files("ledger").joinpath("profiles", f"{name}.json")
    if file.is_file():
        written: Mapping[str, Value] = json.loads(file.read_text("utf-8"))
        if written["version"] == int(version):
            return written
    raise Rejected("story.profile", f"no ready profile {profile_id} ships")


def _admit(
    wire: Wire, keys: Keyring, organisations: Sequence[Organisation], prepared: Prepared
) -> None:
    """Admit those whom no register number names, and give each of them a front desk."""
    lacking: dict[Organisation, str] = {}
    for one in dict.fromkeys(organisations):
        known = wire.state(f"org/legal/{one.scheme}/{one.number}")
        name = known if isinstance(known, str) else _free_name(wire, one)
        prepared.members[one] = name
        if known is None:
            lacking[one] = name
            keys.make(name)
    if lacking:
        _decide(wire, keys, lambda: _admissions(wire, keys, lacking))
        prepared.made += [f"{name} admitted" for name in lacking.values()]
    for name in prepared.members.values():
        keys.member(name)
    desks = [
        name for name in prepared.members.values() if wire.state(f"org/subject/{name}/desk") is None
    ]
    works = [Work([_desk_of(keys, name)], [keys.member(name)]) for name in desks]
    for receipt in wire.send_all(works):
        if receipt.code not in ANOTHER_WAS_FASTER:
            _require(receipt)


def _free_name(wire: Wire, one: Organisation) -> str:
    """Its name, or that with the end of its number where somebody else has the name."""
    if wire.state(f"org/member/{one.name}") is None:
        return one.name
    return f"{one.name}-{one.number[-5:].lower()}"


def _desk_of(keys: Keyring, name: str) -> CallSpec:
    key = keys.make(name)[1].public
    return ("org", "enrol", {"subject": f"{name}/desk", "kind": "service", "key": key})


def _admissions(
    wire: Wire, keys: Keyring, lacking: Mapping[Organisation, str]
) -> Iterator[CallSpec]:
    for one, name in lacking.items():
        if wire.state(f"org/legal/{one.scheme}/{one.number}") is None:
            yield (
                "org",
                "admit",
                {
                    "name": name,
                    "legal_id": {"scheme": one.scheme, "value": one.number},
                    "names": dict(one.names),
                    "key": keys.make(name)[0].public,
                    "prefixes": list(one.prefixes),
                    "glns": list(one.glns),
                },
            )


def _proposals(wire: Wire, names: Sequence[str]) -> Iterator[CallSpec]:
    for name in names:
        if wire.state(f"profile/record/{name}") is None:
            yield ("profile", "propose", {"profile": dict(ready_profile(name))})


def _join(wire: Wire, keys: Keyring, name: str) -> None:
    """Vote for a profile that somebody else proposed, and wait until it is in force."""
    record = wire.state(f"profile/record/{name}")
    assert isinstance(record, dict)
    ballot = wire.state(f"governance/ballot/{record.get('ballot', '')!s}")
    if not _in_force(wire, name) and isinstance(ballot, dict):
        voted, voters = cast("Sequence[str]", ballot.get("approvals", [])), ballot["voters"]
        able = [one for one in cast("Sequence[str]", voters) if one not in voted and keys.has(one)]
        vote = ("governance", "vote", {"id": ballot["id"], "approve": True})
        needed = _number(ballot, "needed") - len(voted)
        # Whoever else decides it now may close it before these come: only the end counts.
        wire.send_all([Work([vote], [keys.member(one)]) for one in able[:needed]])
    wire.until(lambda: _in_force(wire, name), f"the members' approval of {name}")


def _accreditations(wire: Wire, pairs: Sequence[tuple[str, str]]) -> Iterator[CallSpec]:
    for kind, member in pairs:
        if not _accredited(wire, kind, member):
            yield ("cred", "accredit", {"issuer": member, "type": kind})


def _in_force(wire: Wire, name: str) -> bool:
    record = wire.state(f"profile/record/{name}")
    return isinstance(record, dict) and record["state"] == "published"


def _accredited(wire: Wire, kind: str, member: str) -> bool:
    record = wire.state(f"cred/issuer/{kind}/{member}")
    if not isinstance(record, dict):
        return False
    terms = record["terms"]
    assert isinstance(terms, list)
    last = terms[-1]
    assert isinstance(last, dict)
    return not last.get("to_height") and last["until"] == 0


def _decide(wire: Wire, keys: Keyring, wanted: Callable[[], Iterator[CallSpec]]) -> None:
    """Open a ballot on each call and vote until all are decided; `wanted` says what lacks."""
    for _ in range(TRIES):
        calls = list(wanted())
        if not calls:
            return
        for first in range(0, len(calls), BALLOTS_A_TRANSACTION):
            # Those whom the part before admitted count from now on, and vote.
            members = (key.removeprefix("org/member/") for key in wire.keys("org/member/"))
            voters = [name for name in members if keys.has(name)]
            if not voters:
                raise _few(0, 1)
            _vote(wire, keys, voters, calls[first : first + BALLOTS_A_TRANSACTION])
    lacking = [f"{contract}.{method}" for contract, method, _ in wanted()]
    if lacking:
        raise Rejected(
            "story.ballot",
            f"{len(lacking)} ballots did not pass: {', '.join(dict.fromkeys(lacking))}",
            "hansa get governance/ballot/ID shows how one ended; then play again",
        )


def _vote(wire: Wire, keys: Keyring, voters: Sequence[str], calls: Sequence[CallSpec]) -> None:
    """One transaction opens the ballots, one of each other voter that is needed passes them."""
    opener, *others = voters
    opened = wire.send(Work(calls, [keys.member(opener)]))
    if opened.code in ANOTHER_WAS_FASTER:
        return
    _require(opened)
    ballots = [cast("Mapping[str, Value]", call.value()) for call in opened.calls]
    waiting = [ballot for ballot in ballots if ballot["state"] == "open"]
    if not waiting:
        return
    lacking = max(_number(ballot, "needed") - _number(ballot, "approvals") for ballot in waiting)
    if lacking > len(others):
        raise _few(len(voters), lacking + 1)
    ids = [str(ballot["ballot"]) for ballot in waiting]
    votes = [("governance", "vote", {"id": one, "approve": True}) for one in ids]
    for receipt in wire.send_all([Work(votes, [keys.member(one)]) for one in others[:lacking]]):
        _require(receipt)


def _number(ballot: Mapping[str, Value], name: str) -> int:
    value = ballot[name]
    assert isinstance(value, int)
    return value


def _few(have: int, need: int) -> Rejected:
    return Rejected(
        "story.votes",
        f"a ballot needs {need} votes, keys of {have} members that may vote are here",
        "play the stories on the machine that holds the members' keys: hansa demo makes such a one",
    )


def _require(receipt: Receipt) -> None:
    if receipt.code != OK:
        raise Rejected(
            "story.setting",
            f"the setting was refused, {receipt.code}: {receipt.error_fields()}",
            "hansa tx show " + receipt.tx_id.hex()[:12],
        )
