"""What a native contract is written against (docs/spec/contracts.md, section 1).

A contract is a class with methods; a method takes typed arguments and a `Context`,
which is all it ever sees: its own keys, narrow questions about others, events,
signers, block time. It says no by raising `Refused`, which is data.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

import msgpack
import msgspec

from hansa.encoding import INT_MAX, INT_MIN, Value, decode_value, decoder, encode_value
from hansa.errors import Rejected
from hansa.receipt import REFUSALS

CALL, BALLOT, TIMER = "call", "ballot", "timer"
"""Who may enter a method: a transaction, a ballot that passed, the due-queue."""
ADMIN = "admin"
"""The role that speaks for its member."""
KEY_BYTES_MAX = 512
"""A state key: names are short, and long keys cost every proof."""
NOTES_MAX = 1024
"""Events of a call; as many as keys that it may write."""
VALUE_BYTES_MAX = 128 * 1024
"""A state value: half of the largest transaction."""

_ENCODER = msgspec.msgpack.Encoder(order="sorted")
_SIMPLE = (str, bytes, bool, type(None))
_FLAT = (str, bytes, int, bool, type(None))


class Refused(Exception):  # noqa: N818 - it is an answer, not a failure
    """A contract's no: one code of the closed set, and fields that say why."""

    def __init__(self, code: str, /, **fields: Value) -> None:
        assert code in REFUSALS, code
        super().__init__(code)
        self.code = code
        self.fields: dict[str, Value] = fields


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of a method's arguments: a map whose unknown fields are refused."""


class Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Base of what stands in the state: a canonical map; fields at their default are left out."""


@dataclass(frozen=True, slots=True)
class Signer:
    """One who signed, as the state knows the key.

    Attributes:
        public: the public key, 33 bytes.
        key_id: its id.
        member: the organisation it acts for.
        subject: ``<member>`` (the organisation itself) or ``<member>/<name>``.
        roles: the roles held at the block's time, in order.
    """

    public: bytes
    key_id: str
    member: str
    subject: str
    roles: tuple[str, ...]


class View(Protocol):
    """What a context reads and writes: the overlay of `ledger/state.py`."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a state key."""
        ...

    def put(self, key: bytes, value: bytes) -> None:
        """Write a state key."""
        ...

    def delete(self, key: bytes) -> None:
        """Remove a state key."""
        ...

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that begin with `prefix`, in order, with their values."""
        ...

    def save(self) -> int:
        """Set a savepoint."""
        ...

    def rollback(self, savepoint: int) -> None:
        """Undo everything since a savepoint."""
        ...


class Registry(Protocol):
    """The narrow questions that any contract may ask about members and rules."""

    def parameter(self, name: str) -> int | str:
        """The value of a parameter of the chain."""
        ...

    def members(self) -> tuple[str, ...]:
        """The names of the members in force, in order."""
        ...

    def is_member(self, name: str) -> bool:
        """Whether a member of that name is in force."""
        ...

    def prefix_owner(self, digits: str) -> str | None:
        """The member that registered the longest GS1 company prefix of these digits."""
        ...

    def gln_owner(self, gln: str) -> str | None:
        """The member that registered this location number."""
        ...

    def signer(self, public: bytes) -> Signer | None:
        """The holder of a public key that is valid now, or None."""
        ...

    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Whether a signature holds."""
        ...


R = TypeVar("R", bound=msgspec.Struct)


@dataclass(slots=True)
class Scope:
    """What all calls of one transaction share; made by `ledger/execution.py`.

    Attributes:
        view: the overlay.
        registry: questions about members and parameters.
        chain_id: of the chain.
        height: of the block.
        time: of the block, ms since 1970.
        index: of the transaction in its block.
        tx_id: of the transaction.
        signers: those that the state knows; the sender first (empty for due entries).
        strangers: public keys that signed and that the state does not know.
        events: (name, canonical bytes) of the running call.
        records: (key, version before, version after) of the running call.
        contracts: all contracts by name.
    """

    view: View
    registry: Registry
    chain_id: str
    height: int
    time: int
    index: int
    tx_id: bytes
    signers: tuple[Signer, ...]
    strangers: tuple[bytes, ...]
    events: list[tuple[str, bytes]]
    records: list[tuple[str, int, int]]
    contracts: Mapping[str, "Contract"]


class Context:
    """A contract's window during one call. Keys are text, without the contract's name."""

    __slots__ = ("_prefix", "_view", "contract", "scope")

    def __init__(self, scope: Scope, contract: str) -> None:
        """Open the window of `contract` on a transaction."""
        self.scope = scope
        self.contract = contract
        self._prefix = contract + "/"
        self._view = scope.view

    @property
    def height(self) -> int:
        """The height of the block."""
        return self.scope.height

    @property
    def time(self) -> int:
        """The block's time in ms since 1970: the only clock."""
        return self.scope.time

    @property
    def sender(self) -> Signer:
        """The first signer.

        Raises:
            Refused: ``SIGN`` in a due entry, which nobody signed.
        """
        if not self.scope.signers:
            raise Refused("SIGN", need="signer")
        return self.scope.signers[0]

    @property
    def signers(self) -> tuple[Signer, ...]:
        """Everyone who signed and is registered, the sender first."""
        return self.scope.signers

    @property
    def strangers(self) -> tuple[bytes, ...]:
        """Public keys that signed and are not registered: a new key proves itself so."""
        return self.scope.strangers

    @property
    def registry(self) -> Registry:
        """Questions about members and parameters."""
        return self.scope.registry

    def get(self, key: str, kind: type[R]) -> R | None:
        """The record under `key`, or None."""
        stored = self._view.get((self._prefix + key).encode())
        return None if stored is None else load(stored, kind)

    def need(self, key: str, kind: type[R]) -> R:
        """The record under `key`.

        Raises:
            Refused: ``MISSING`` with the key.
        """
        record = self.get(key, kind)
        if record is None:
            raise Refused("MISSING", key=self._prefix + key)
        return record

    def get_value(self, key: str) -> Value:
        """The value under `key`, or None when there is none."""
        stored = self._view.get((self._prefix + key).encode())
        return None if stored is None else _plain(stored)

    def exists(self, key: str) -> bool:
        """Whether `key` is there; costs one read."""
        return self._view.get((self._prefix + key).encode()) is not None

    def put(self, key: str, record: msgspec.Struct) -> None:
        """Write a record as a canonical map.

        Raises:
            Refused: ``LIMIT`` when key or value are too large.
        """
        self._write(key, store(record))

    def put_value(self, key: str, value: Value) -> None:
        """Write any value.

        Raises:
            Refused: ``LIMIT`` when key or value are too large.
        """
        self._write(key, encode_value(value))

    def delete(self, key: str) -> None:
        """Remove a key; nothing happens when it is not there."""
        self._view.delete((self._prefix + key).encode())

    def scan(self, prefix: str, kind: type[R]) -> Iterator[tuple[str, R]]:
        """Records whose key begins with `prefix`, in the order of the keys' bytes."""
        cut = len(self._prefix)
        for key, stored in self._view.scan((self._prefix + prefix).encode()):
            yield key.decode()[cut:], load(stored, kind)

    def event(self, name: str, /, **fields: Value) -> None:
        """Note that ``<contract>.<name>`` happened.

        Raises:
            Refused: ``LIMIT`` after `NOTES_MAX` events of one call.
        """
        if len(self.scope.events) >= NOTES_MAX:
            raise Refused("LIMIT", field="events", need=NOTES_MAX)
        self.scope.events.append((f"{self.contract}.{name}", encode_fields(fields)))

    def changed(self, key: str, before: int, after: int) -> None:
        """Note a record's version before and after (0: none) for the receipt."""
        self.scope.records.append((self._prefix + key, before, after))

    def within(self, contract: str) -> "Context":
        """The window of another contract, for modules that several contracts share."""
        return Context(self.scope, contract)

    def _write(self, key: str, stored: bytes) -> None:
        full = (self._prefix + key).encode()
        if len(full) > KEY_BYTES_MAX or len(stored) > VALUE_BYTES_MAX:
            raise Refused("LIMIT", field="state", have=len(stored), need=VALUE_BYTES_MAX)
        self._view.put(full, stored)


def store(record: msgspec.Struct) -> bytes:
    """The canonical bytes of a record: a map in the order of its keys."""
    return _ENCODER.encode(record)


def load(stored: bytes, kind: type[R]) -> R:
    """The record that stored bytes encode; they are ours, so nothing is checked twice."""
    return decoder(kind).decode(stored)


def encode_fields(fields: dict[str, Value]) -> bytes:
    """`encode_value` of a map of our own, whose usual case, simple values, is cheap."""
    for value in fields.values():
        if type(value) is int and INT_MIN <= value <= INT_MAX:
            continue
        if type(value) not in _SIMPLE:
            return encode_value(fields)
    return _ENCODER.encode(fields)


def _plain(stored: bytes) -> Value:
    plain: Value = msgpack.unpackb(stored, raw=False)  # type: ignore[assignment]
    return plain


A = TypeVar("A", bound=Arguments)
C = TypeVar("C", bound="Contract")
Function = Callable[[C, Context, A], Value]


@dataclass(frozen=True, slots=True)
class Method:
    """How a method may be entered.

    Attributes:
        name: as calls name it.
        arguments: the type of its arguments.
        via: ``call``, ``ballot`` or ``timer``.
        role: the role that the sender needs, unless the state says otherwise; "" for any.
        strangers: whether keys that the state does not know may cosign.
    """

    name: str
    arguments: type[Arguments]
    via: str
    role: str
    strangers: bool


def method(
    arguments: type[A], *, via: str = CALL, role: str = "", strangers: bool = False
) -> Callable[[Function[C, A]], Function[C, A]]:
    """Mark a method of a contract; its name is the function's, ``_`` at the end cut off."""

    def mark(function: Function[C, A]) -> Function[C, A]:
        name = function.__name__.rstrip("_")
        function.__dict__["hansa_method"] = Method(name, arguments, via, role, strangers)
        return function

    return mark


class Contract:
    """Base of native contracts; instances hold no state at all."""

    name: ClassVar[str]
    methods: ClassVar[Mapping[str, Method]]
    _functions: ClassVar[Mapping[str, Callable[..., Value]]]

    def __init_subclass__(cls) -> None:  # type: ignore[explicit-override]  # typing.override: 3.12
        """Collect the marked methods."""
        functions = {
            function.__dict__["hansa_method"].name: function
            for function in vars(cls).values()
            if callable(function) and "hansa_method" in getattr(function, "__dict__", {})
        }
        cls._functions = functions
        cls.methods = {name: f.__dict__["hansa_method"] for name, f in functions.items()}

    def find(self, name: str, via: str) -> Method:
        """The method of that name which may be entered so.

        Raises:
            Refused: ``MISSING``.
        """
        found = self.methods.get(name)
        if found is None or found.via != via:
            raise Refused("MISSING", contract=self.name, method=name)
        return found

    def carry_out(self, entry: Method, scope: Scope, arguments: bytes) -> Value:
        """Decode the arguments and run the method.

        Raises:
            Refused: what the method says, or ``SCHEMA`` for other arguments than it takes.
        """
        decoded = decode_arguments(entry.arguments, arguments)
        return self._functions[entry.name](self, Context(scope, self.name), decoded)


def decode_arguments(kind: type[A], data: bytes) -> A:
    """Typed arguments from the canonical bytes of a map.

    Raises:
        Refused: ``SCHEMA``, with the JSON path where the decoder knows it.
    """
    try:
        plain = msgpack.unpackb(data, raw=False, strict_map_key=True)
    except (ValueError, TypeError, OverflowError):
        raise Refused("SCHEMA", field="$", need="canonical MessagePack") from None
    if not _flat(plain, data):
        try:
            decode_value(data)
        except Rejected as error:
            raise Refused("SCHEMA", field="$", need=error.code) from None
    try:
        return msgspec.convert(plain, kind, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise Refused("SCHEMA", field=_path(str(error))) from None


def _flat(plain: object, data: bytes) -> bool:
    """Whether this is a canonical map of simple values: the common case, checked cheaply."""
    return (
        isinstance(plain, dict)
        and all(type(value) in _FLAT for value in plain.values())
        and all(INT_MIN <= v <= INT_MAX for v in plain.values() if type(v) is int)
        and list(plain) == sorted(plain)
        and all(map(str.isascii, plain))
        and _ENCODER.encode(plain) == data
    )


def _path(message: str) -> str:
    """The JSON path at the end of a decoder's message, ``$`` when it names none."""
    _, mark, path = message.rpartition(" - at `")
    return path.rstrip("`") if mark else "$"
