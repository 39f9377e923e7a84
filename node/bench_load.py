"""What `hansa bench` submits: signed transactions by chance, the same for the same seed.

The promise: every transaction is one call, its content stands nowhere else in the run, and
its sender is one of the enrolled keys in turn. An EPCIS capture is the scan of one item at the
end of a line: an ObjectEvent ADD, business step commissioning, of a serial number under its
member's own GS1 prefix.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Literal

import msgspec

from hansa.client.transactions import make
from hansa.genesis import Genesis, Member, Person
from hansa.gs1 import check_digit
from hansa.hashing import tagged_hash
from hansa.keys import public_key_text
from hansa.signing import SigningKey
from hansa.transaction import NONCE_BYTES, Call, SignedTransaction, transaction_digest

Workload = Literal["epcis", "doc"]
WORKLOADS: tuple[Workload, ...] = ("epcis", "doc")

MEMBERS_MAX = 100
"""Members whose prefixes can be told apart in the form `prefix_of` gives them."""
EVENT_AGE_MS = 60_000
"""A scanner reports what it saw a minute ago: never in the future of a node's clock."""
MEDIA_TYPE = "application/pdf"


class LoadPlan(msgspec.Struct, frozen=True):
    """From what all transactions of a run follow.

    Attributes:
        chain_id: the chain's name.
        workload: the kind of transaction.
        seed: of keys, nonces and contents.
        keys: client keys; key `i` belongs to member `i % members`.
        members: organisations.
        made_at: ms since 1970; event times lie before it.
        expires_at: block time in ms at which every transaction dies.
    """

    chain_id: str
    workload: Workload
    seed: int
    keys: int
    members: int
    made_at: int
    expires_at: int


def prefix_of(member: int) -> str:
    """The GS1 company prefix of a member: 7 digits under the demo prefix 952."""
    assert 0 <= member < MEMBERS_MAX
    return f"95210{member:02d}"


def gln_of(member: int) -> str:
    """The location number of a member's line: 13 digits."""
    digits = f"{prefix_of(member)}00001"
    return digits + check_digit(digits)


def gtin_of(member: int) -> str:
    """The trade item number of what a member makes: 14 digits."""
    digits = f"1{prefix_of(member)}00101"
    return digits + check_digit(digits)


@cache
def client_key(seed: int, index: int) -> SigningKey:
    """The key of one client."""
    return SigningKey(tagged_hash("bench-key", f"{seed}/{index}".encode()))


def enrol(genesis: Genesis, seed: int, keys: int) -> Genesis:
    """The same genesis with the client keys as devices of its members, in turn."""
    count = len(genesis.members)

    def with_devices(number: int, member: Member) -> Member:
        devices = tuple(
            Person(
                name=f"scanner-{index}",
                key=public_key_text(client_key(seed, index).public),
                kind="device",
            )
            for index in range(number, keys, count)
        )
        return msgspec.structs.replace(member, people=(*member.people, *devices))

    members = tuple(with_devices(number, member) for number, member in enumerate(genesis.members))
    return msgspec.structs.replace(genesis, members=members)


def transaction(plan: LoadPlan, number: int) -> SignedTransaction:
    """The transaction of a number; two numbers never share content or nonce."""
    index = number % plan.keys
    key = client_key(plan.seed, index)
    member = index % plan.members
    call = _capture(plan, member, number) if plan.workload == "epcis" else _register(plan, number)
    nonce = tagged_hash("bench-nonce", f"{plan.seed}/{number}".encode())[:NONCE_BYTES]
    return make(plan.chain_id, key, (call,), expires_at=plan.expires_at, nonce=nonce)


def transactions(plan: LoadPlan, first: int, count: int) -> Iterator[SignedTransaction]:
    """Transactions of consecutive numbers."""
    return (transaction(plan, number) for number in range(first, first + count))


def signed_messages(plan: LoadPlan, count: int) -> list[tuple[bytes, bytes]]:
    """The signatures of the first transactions as libsodium takes them: (signed message, key)."""
    return [
        (item.signatures[0] + transaction_digest(item.body), item.sender[1:])
        for item in transactions(plan, 0, count)
    ]


def _capture(plan: LoadPlan, member: int, number: int) -> Call:
    return Call.of("trace", "capture", {"event": event_text(plan, member, number)})


def event_text(plan: LoadPlan, member: int, number: int) -> bytes:
    """The JSON of one scanned item."""
    place = f"https://id.gs1.org/414/{gln_of(member)}"
    item = f"https://id.gs1.org/01/{gtin_of(member)}/21/S{plan.seed:X}-{number:08X}"
    return (
        '{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],'
        f'"type":"ObjectEvent","eventTime":"{_time(plan.made_at, number)}",'
        f'"eventTimeZoneOffset":"+00:00","epcList":["{item}"],"action":"ADD",'
        '"bizStep":"commissioning","disposition":"active",'
        f'"readPoint":{{"id":"{place}"}},"bizLocation":{{"id":"{place}"}}}}'
    ).encode()


def _time(made_at: int, number: int) -> str:
    """An event's time: the numbers spread over the second before the scans are reported."""
    ms = made_at - EVENT_AGE_MS - number % 1_000
    whole = datetime.fromtimestamp(ms // 1_000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ms % 1_000:03d}Z"


def _register(plan: LoadPlan, number: int) -> Call:
    digest = tagged_hash("bench-document", f"{plan.seed}/{number}".encode())
    return Call.of(
        "doc",
        "register",
        {
            "id": f"delivery-note-{plan.seed}-{number}",
            "digest": digest,
            "kind": "delivery-note",
            "media_type": MEDIA_TYPE,
            "size": 20_000 + number % 10_000,
        },
    )
