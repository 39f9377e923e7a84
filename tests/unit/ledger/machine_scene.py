"""A small profile that has a bit of everything, and situations for it."""

import copy

import msgspec

from hansa.encoding import encode_value
from ledger.contract import Signer
from ledger.machine import Situation, check_body, decode_profile, parties_of
from ledger.machine.simulate import GivenFacts

LABELS = {"zh": "某物", "en": "something"}
NOW = 1_795_000_000_000
DAY = 24 * 3600 * 1000


def of(kind, **more):
    """A field of a type."""
    return {"type": kind, "labels": LABELS, **more}


PLAIN = {
    "name": "test.thing",
    "version": 1,
    "labels": LABELS,
    "private": {"hidden": LABELS},
    "quantity": {"unit": "KGM", "divisible": True, "least": 5},
    "fields": {
        "code": of("text", least=1, most=8),
        "count": of("int", least=0, most=1000, changeable=True),
        "owner": of("member"),
        "invoices": of("digests", least=1, most=4),
        "guardian": of("member", optional=True),
        "item": of("gtin", optional=True),
        "place": of("gln", optional=True),
        "other": of("record", optional=True),
        "until": of("time", optional=True),
        "fragile": of("flag", optional=True),
        "colour": of("text", optional=True, choices=["red", "blue"]),
        "colours": of("texts", optional=True, choices=["red", "blue"]),
        "marks": of("texts", optional=True, most=256),
        "numbers": of("ints", optional=True),
        "total": of("int", computed=True, start=0),
        "done": of("flag", computed=True, start=False),
        "note": of("text", computed=True),
        "names": of("texts", computed=True, most=2),
        "ends_at": of("time", computed=True),
    },
    "roles": {
        "owner": {"kind": "party", "labels": LABELS},
        "guardian": {"kind": "party", "labels": LABELS, "desk": "safe"},
        "listed": {"kind": "listed", "of": "marks", "labels": LABELS},
        "taker": {"kind": "named", "of": "to", "labels": LABELS},
        "pledgee": {"kind": "secured", "of": "pledge", "labels": LABELS},
        "court": {"kind": "accredited", "of": "court", "labels": LABELS},
        "helper": {"kind": "anyone", "desk": "help", "labels": LABELS},
    },
    "unique": {"code": {"field": "code", "reusable": True}, "invoice": {"field": "invoices"}},
    "encumbrances": {"pledge": 2},
    "sums": {"live": {"by": "code", "of": "$quantity", "labels": LABELS}},
    "timers": {"end": {"at": "$body.ends_at", "action": "lapse", "labels": LABELS}},
    "machine": {
        "states": {"open": LABELS, "closed": LABELS},
        "final": ["closed"],
        "transitions": [
            {"action": "make", "labels": LABELS, "by": ["owner"], "to": "open"},
            {
                "action": "close",
                "labels": LABELS,
                "by": ["holder"],
                "from": ["open"],
                "to": "closed",
            },
            {
                "action": "start",
                "labels": LABELS,
                "by": ["holder"],
                "from": ["open"],
                "effect": [
                    ["set", "ends_at", {"add": ["$time", {"days": 2}]}],
                    ["open_timer", "end"],
                ],
            },
            {
                "action": "lapse",
                "labels": LABELS,
                "by": ["clock"],
                "from": ["open"],
                "to": "closed",
            },
            {
                "action": "note",
                "labels": LABELS,
                "by": ["holder"],
                "from": ["open"],
                "args": {"n": of("int", optional=True), "to": of("member", optional=True)},
            },
        ],
    },
}
"""A profile with every kind of part; the last transition is the one that tests change."""
BODY = {"code": "A1", "count": 3, "owner": "farm", "invoices": ["a" * 64, "b" * 64]}


def row(**changes):
    """The plain profile, its transition `note` changed."""
    profile = copy.deepcopy(PLAIN)
    last = profile["machine"]["transitions"][-1]
    last.update(changes)
    if "from" in changes and not changes["from"]:
        del last["from"]
    return profile


def plain(**changes):
    """The plain profile, read."""
    return decode_profile(row(**changes))


def stored():
    """The canonical bytes of the plain profile."""
    return encode_value(PLAIN)


def signer(member, *roles):
    """Someone of a member who signed."""
    return Signer(b"", "", member, f"{member}/app", roles)


def situation(profile, *signers, body=None, facts=None, state="open", **changes):
    """A record in a state, and who signed."""
    made = {**check_body(profile, BODY), **(body or {})}
    fields = {
        "body": made,
        "state": state,
        "quantity": 10,
        "parties": parties_of(profile, made, "farm", "holder"),
        "args": {},
        "signers": tuple(one if isinstance(one, Signer) else signer(one) for one in signers),
        "time": NOW,
        "facts": msgspec.convert(facts or {}, GivenFacts),
    }
    return Situation(**(fields | changes))
