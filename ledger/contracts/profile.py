"""`profile`: rules as data, proposed, decided on and never changed (docs/spec/profile.md, 6).

The promise: a profile is in force only after the members decided so; a published version never
changes; retiring one names what takes its place and stops new records, not running ones.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from hansa.encoding import Uint, Value, decode_value, encode_value
from hansa.hashing import sha256
from ledger.ballots import HOME, OPEN, Ballot, open_ballot, vote
from ledger.contract import BALLOT, Arguments, Context, Contract, Refused, load, method
from ledger.machine import Profile, decode_profile, load_profile
from ledger.machine import simulate as simulate_record
from ledger.records import Record, Version, check_version, create, first, save

PROPOSED, PUBLISHED, RETIRED = "proposed", "published", "retired"
"""States of a profile. A retired one still governs the records that it has."""
PREFIX = "record/"

ProfileId = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}@[1-9][0-9]{0,6}(?![\s\S])")
]
"""``<name>@<version>``."""
Reason = Annotated[str, msgspec.Meta(max_length=1024)]
Read = Callable[[bytes], bytes | None]
Scan = Callable[[bytes], Iterable[tuple[bytes, bytes]]]


class ProfileRecord(Record, frozen=True):
    """``profile/record/<name>@<version>``: a profile; its controller proposed it.

    Attributes:
        digest: SHA-256 of `text`.
        text: canonical bytes of the profile's map.
        ballot: the last ballot on it.
        published_at: the height from which it is in force (0: not yet).
        retired_from: the first height without new records (0: none).
        successor: the profile in its place.
    """

    digest: bytes
    state: str
    text: bytes
    ballot: str = ""
    published_at: int = 0
    retired_from: int = 0
    successor: str = ""


class Propose(Arguments, frozen=True):
    """Arguments of `propose`: the whole profile as a map."""

    profile: dict[str, Any]


class Publish(Arguments, frozen=True):
    """What the ballot of `propose` carries out: exactly the text that was proposed."""

    id: ProfileId
    digest: bytes


class Approve(Arguments, frozen=True):
    """Arguments of `approve`; `version` is the record's, so that what is approved was seen."""

    id: ProfileId
    version: Version


class Object(Arguments, frozen=True):
    """Arguments of `object`."""

    id: ProfileId
    version: Version
    reason: Reason


class Retire(Arguments, frozen=True):
    """Arguments of `retire`; without a height it holds from the next one on."""

    id: ProfileId
    version: Version
    successor: ProfileId
    from_height: Uint = 0


class Withdrawn(Arguments, frozen=True):
    """What the ballot of `retire` carries out."""

    id: ProfileId
    successor: ProfileId
    from_height: Uint


class Profiles(Contract):
    """Propose, approve, object, retire."""

    name: ClassVar[str] = "profile"

    @method(Propose)
    def propose(self, context: Context, given: Propose) -> Value:
        """Put a profile to the vote; one that was turned down may be proposed anew."""
        profile = decode_profile(given.profile)
        text = encode_value(given.profile)
        digest, key = sha256(text), PREFIX + profile.id
        known = context.get(key, ProfileRecord)
        if known is None:
            record = ProfileRecord(
                id=profile.id,
                version=1,
                controller=context.sender.member,
                history=first(context),
                digest=digest,
                state=PROPOSED,
                text=text,
            )
            create(context, key, record)
        elif known.state != PROPOSED or _is_open(context, known):
            raise Refused("EXISTS", id=profile.id, have=known.state, by=known.controller)
        else:
            member = context.sender.member
            record = save(context, key, known, controller=member, digest=digest, text=text)
        context.event("proposed", id=profile.id, digest=digest)
        return _decide(context, record, "publish", Publish(profile.id, digest))

    @method(Publish, via=BALLOT)
    def apply_publish(self, context: Context, given: Publish) -> Value:
        """Put a profile in force."""
        record = context.need(PREFIX + given.id, ProfileRecord)
        assert (record.state, record.digest) == (PROPOSED, given.digest), "an open ballot keeps it"
        save(context, PREFIX + given.id, record, state=PUBLISHED, published_at=context.height)
        context.event("published", id=given.id, digest=given.digest)
        return None

    @method(Approve)
    def approve(self, context: Context, given: Approve) -> Value:
        """Vote for what is put to the vote about a profile."""
        record = _voted_on(context, given.id, given.version)
        return vote(context.within(HOME), record.ballot, approve=True)

    @method(Object)
    def object_(self, context: Context, given: Object) -> Value:
        """Vote against it; the reason stands in the receipt."""
        record = _voted_on(context, given.id, given.version)
        answer = vote(context.within(HOME), record.ballot, approve=False)
        context.event("objected", id=given.id, by=context.sender.member, reason=given.reason)
        return answer

    @method(Retire)
    def retire(self, context: Context, given: Retire) -> Value:
        """Put the end of a profile to the vote, with what takes its place."""
        record = context.need(PREFIX + given.id, ProfileRecord)
        check_version(record, given.version)
        if record.state != PUBLISHED or _is_open(context, record):
            have = record.state if record.state != PUBLISHED else "voted on"
            raise Refused("STATE", id=given.id, have=have, need=PUBLISHED)
        if given.from_height and given.from_height <= context.height:
            raise Refused(
                "TIME", field="$.from_height", have=given.from_height, need=context.height
            )
        _check_successor(context, given.id, given.successor)
        record = save(context, PREFIX + given.id, record)
        carried = Withdrawn(given.id, given.successor, given.from_height)
        return _decide(context, record, "retire", carried)

    @method(Withdrawn, via=BALLOT)
    def apply_retire(self, context: Context, given: Withdrawn) -> Value:
        """End a profile for new records."""
        record = context.need(PREFIX + given.id, ProfileRecord)
        _check_successor(context, given.id, given.successor)
        height = max(given.from_height, context.height + 1)
        save(
            context,
            PREFIX + given.id,
            record,
            state=RETIRED,
            retired_from=height,
            successor=given.successor,
        )
        context.event("retired", id=given.id, successor=given.successor, height=height)
        return None


def need_profile(context: Context, profile_id: str) -> Profile:
    """The profile of a running record, in force or retired; one read.

    Raises:
        Refused: ``PROFILE`` when nobody proposed it, or it was not published.
    """
    return load_profile(_published(context, profile_id).text)


def need_live_profile(context: Context, profile_id: str) -> Profile:
    """The profile of a new record; one read.

    Raises:
        Refused: ``PROFILE`` when it is not in force, with its successor when it is retired.
    """
    record = _published(context, profile_id)
    if record.retired_from and record.retired_from <= context.height:
        raise Refused(
            "PROFILE",
            id=profile_id,
            have=RETIRED,
            need=record.successor,
            height=record.retired_from,
        )
    return load_profile(record.text)


def read_profile(read: Read, profile_id: str) -> dict[str, Value] | None:
    """`get`: a profile with its state, or None; `read` gives the value of a state key."""
    stored = read(f"profile/{PREFIX}{profile_id}".encode())
    if stored is None:
        return None
    record = load(stored, ProfileRecord)
    return {**summary(record), "profile": decode_value(record.text)}


def list_profiles(scan: Scan) -> list[dict[str, Value]]:
    """`list`: every profile without its text, by id; `scan` gives the keys of a prefix."""
    found = scan(f"profile/{PREFIX}".encode())
    return [summary(load(stored, ProfileRecord)) for _, stored in found]


def simulate(
    read: Read,
    profile_id: str,
    record: Mapping[str, Value],
    action: str,
    args: Mapping[str, Value],
) -> dict[str, Value] | None:
    """What an action would do to a record that is given; None for an unknown profile.

    See `ledger.machine.simulate` for the record's map. A profile that is only proposed can be
    tried as well.
    """
    stored = read(f"profile/{PREFIX}{profile_id}".encode())
    if stored is None:
        return None
    profile = load_profile(load(stored, ProfileRecord).text)
    return simulate_record(profile, record, action, args)


def _decide(
    context: Context, record: ProfileRecord, action: str, arguments: msgspec.Struct
) -> Value:
    """Open the ballot; note its id in the record while it is open."""
    answer = open_ballot(context, action, arguments)
    assert isinstance(answer, dict)
    key = PREFIX + record.id
    if answer["state"] == OPEN:
        context.put(key, msgspec.structs.replace(record, ballot=answer["ballot"]))
    now = context.need(key, ProfileRecord)
    return {**answer, "id": record.id, "profile": now.state, "version": now.version}


def _is_open(context: Context, record: ProfileRecord) -> bool:
    if not record.ballot:
        return False
    return context.within(HOME).need("ballot/" + record.ballot, Ballot).state == OPEN


def _voted_on(context: Context, profile_id: str, version: int) -> ProfileRecord:
    """The record, when a ballot on it may be open; the ballot itself says whether it is."""
    record = context.need(PREFIX + profile_id, ProfileRecord)
    check_version(record, version)
    if not record.ballot:
        raise Refused("STATE", id=profile_id, have=record.state, need=PROPOSED)
    return record


def _check_successor(context: Context, profile_id: str, successor: str) -> None:
    known = context.get(PREFIX + successor, ProfileRecord)
    if known is None or known.state != PUBLISHED or successor == profile_id:
        raise Refused("LINK", field="$.successor", id=successor, need=PUBLISHED)


def _published(context: Context, profile_id: str) -> ProfileRecord:
    record = context.within("profile").get(PREFIX + profile_id, ProfileRecord)
    if record is None or record.state == PROPOSED:
        have = "" if record is None else record.state
        raise Refused("PROFILE", id=profile_id[:128], have=have, need=PUBLISHED)
    return record


def summary(record: ProfileRecord) -> dict[str, Value]:
    """A profile's record without its text and its history."""
    return {
        "ballot": record.ballot,
        "controller": record.controller,
        "digest": record.digest,
        "id": record.id,
        "published_at": record.published_at,
        "retired_from": record.retired_from,
        "state": record.state,
        "successor": record.successor,
        "version": record.version,
    }
