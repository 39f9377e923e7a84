"""What a running script reads, writes and tells: the keys under its own name, and events.

The promise: a script sees and changes ``script/data/<its name>/…`` and nothing else, within the
limits of docs/spec/script.md, section 3.
"""

import re

from hansa.encoding import Value, encode_value
from hansa.errors import Rejected
from ledger.contract import Context, Refused
from ledger.contracts.script_records import DATA
from ledger.scripts.limits import (
    DATA_BYTES_MAX,
    EVENTS_MAX,
    FIELDS_MAX,
    KEY_MAX,
    KEYS_MAX,
    WRITES_MAX,
)
from ledger.scripts.outcome import program_error

_KEY = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:@+=/-]{{0,{KEY_MAX - 1}}}")
_EVENT = re.compile(r"[a-z][a-z0-9_]{0,63}")


class ScriptHost:
    """Answers one call of a script.

    Attributes:
        written: keys that it wrote or deleted, in the order of their first change.
    """

    __slots__ = ("_context", "_events", "_name", "_prefix", "written")

    def __init__(self, context: Context, name: str) -> None:
        """Open the data of the script `name`."""
        self._context = context
        self._name = name
        self._prefix = f"{DATA}{name}/"
        self._events = 0
        self.written: dict[str, None] = {}

    def answer(self, question: str, values: list[Value]) -> Value:
        """See `ledger.scripts.Host`."""
        match question, values:
            case "get", [key]:
                return self._context.get_value(self._key(key))
            case "keys", [prefix]:
                return self._keys(prefix)
            case "put", [key, value]:
                self._put(self._key(key), value)
            case "delete", [key]:
                self._delete(self._key(key))
            case "event", [str() as name, dict() as fields]:
                self._event(name, fields)
            case _:
                raise program_error("value")
        return None

    def _key(self, key: Value) -> str:
        if not isinstance(key, str) or _KEY.fullmatch(key) is None:
            raise program_error("key")
        return self._prefix + key

    def _count(self, key: str) -> None:
        if key not in self.written and len(self.written) >= WRITES_MAX:
            raise Refused("LIMIT", field="writes", need=WRITES_MAX)
        self.written[key] = None

    def _put(self, key: str, value: Value) -> None:
        try:
            size = len(encode_value(value))
        except Rejected:
            raise program_error("value") from None
        if size > DATA_BYTES_MAX:
            raise Refused("LIMIT", field="value", have=size, need=DATA_BYTES_MAX)
        self._count(key)
        self._context.put_value(key, value)

    def _delete(self, key: str) -> None:
        self._count(key)
        self._context.delete(key)

    def _keys(self, prefix: Value) -> Value:
        if not isinstance(prefix, str) or not (prefix == "" or _KEY.fullmatch(prefix)):
            raise program_error("key")
        whole = f"{self._context.contract}/{self._prefix}"
        found: list[Value] = []
        for key, _ in self._context.scope.view.scan((whole + prefix).encode()):
            if len(found) == KEYS_MAX:
                raise Refused("LIMIT", field="listing", need=KEYS_MAX)
            found.append(key.decode()[len(whole) :])
        return found

    def _event(self, name: str, fields: dict[str, Value]) -> None:
        self._events += 1
        if self._events > EVENTS_MAX or len(fields) > FIELDS_MAX:
            raise Refused("LIMIT", field="events", need=EVENTS_MAX)
        if _EVENT.fullmatch(name) is None:
            raise program_error("event")
        try:
            self._context.event("event", script=self._name, name=name, fields=fields)
        except Rejected:
            raise program_error("value") from None
