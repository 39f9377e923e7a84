"""The vault of one's own organisation over HTTP, and the keys to which others are sealed.

The promise: what is put is read back byte for byte or refused; nothing here decrypts, so that
a private key stays with who calls `hansa.seal`. docs/spec/vault.md, section 6; the node's API
gives blobs to its own organisation only.

Example::

    with Client(url) as client:
        keys = [seal_recipient(client, name) for name in ("farm", "bank")]
    sealed = seal_json({"amount": 1280000}, keys, chain_id="demo", author="farm")
    Vault(url).put(sealed.blob)
"""

import http.client
import ssl
from typing import Literal, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from hansa.client import calls
from hansa.client.plain import Client, base_of, headers_of
from hansa.errors import Rejected
from hansa.hashing import sha256
from hansa.keys import X25519
from hansa.seal import BLOB_BYTES_MAX, WRAPPING, Recipient, Wrap

BLOB_TYPE = "application/vnd.hansa.blob"
JSON_TYPE = "application/json"
BLOB_SECONDS = 120.0
"""Time for a blob: 16 MiB over a line of 2 Mbit/s, and the disk."""
REPLY_BYTES_MAX = BLOB_BYTES_MAX + 1
SEAL_USE = "seal"

T = TypeVar("T")


class WrapView(msgspec.Struct, frozen=True):
    """A wrap of the content key; `ek` is base64 in JSON. `local`: made after a rotation."""

    member: str
    to_key_id: str
    alg: str
    ek: bytes
    local: bool = False

    def wrap(self) -> Wrap:
        """The same for `hansa.seal`.

        Raises:
            Rejected: ``client.reply`` when it is none.
        """
        if self.alg != WRAPPING:
            raise Rejected("client.reply", f"{self.alg!r} is no known wrapping")
        return Wrap(self.member, self.to_key_id, WRAPPING, self.ek)


class NewWrap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body that adds a wrap to a blob: to another key of the node's organisation."""

    member: str
    to_key_id: str
    alg: Literal["x25519-sealedbox"]
    ek: bytes


class VaultEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A blob as a node knows it.

    Attributes:
        id: SHA-256 of the blob, in hex.
        state: ``held`` or ``erased``.
        present: whether the blob's file is there; a damaged one is being fetched again.
        size: bytes of the blob.
        author: the member that says it sealed this.
        about: the agreement or consent that it belongs to; empty: none.
        commit: the commitment on the chain, in hex.
        members: the named ones.
        charged: the member from which it came here.
        since_ms: when it came, or was erased.
        wraps: of a single blob that is present, not in lists.
    """

    id: str
    state: Literal["held", "erased"]
    present: bool
    size: int
    author: str
    about: str
    commit: str
    members: tuple[str, ...]
    charged: str
    since_ms: int
    wraps: tuple[WrapView, ...] = ()


class VaultList(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page of blobs in the order of their ids."""

    member: str
    items: tuple[VaultEntry, ...]
    cursor: str | None = None


class Vault:
    """The vault of one node; a connection for each call."""

    def __init__(
        self, url: str, token: str | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        """Talk to the node at `url`; beyond loopback `token` has the scope ``vault``.

        Raises:
            Rejected: ``client.url``.
        """
        self.base_url = base_of(url)
        self._headers = headers_of(token)
        self._tls = tls

    def put(self, blob: bytes) -> VaultEntry:
        """Keep a blob; it is durable when this returns. Twice is once.

        Raises:
            Rejected: the node's refusal (``seal.*``, ``vault.*``).
            Unavailable: ``vault.full``, ``vault.disk`` or ``node.unreachable``.
        """
        return self._ask("POST", "/v1/vault", VaultEntry, blob, BLOB_TYPE)

    def get(self, blob_id: bytes) -> bytes:
        """A blob, its digest checked.

        Raises:
            Rejected: ``vault.not-found``, ``vault.erased``, or ``vault.digest`` when the node
                gave another blob.
            Unavailable: ``vault.damaged``: the node fetches it again.
        """
        blob = self._ask("GET", f"/v1/vault/{blob_id.hex()}", bytes)
        if sha256(blob) != blob_id:
            raise Rejected(
                "vault.digest", f"the node gave another blob as {blob_id.hex()}", "ask another node"
            )
        return blob

    def entry(self, blob_id: bytes) -> VaultEntry:
        """What the node knows of a blob, wraps included.

        Raises:
            Rejected: ``vault.not-found``.
        """
        return self._ask("GET", f"/v1/vault/{blob_id.hex()}/entry", VaultEntry)

    def list(self, limit: int = 50, cursor: str | None = None) -> VaultList:
        """A page of what the node holds or has erased."""
        given = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
        return self._ask("GET", f"/v1/vault?{urlencode(given)}", VaultList)

    def add_wrap(self, blob_id: bytes, wrap: Wrap) -> VaultEntry:
        """Keep a wrap to a new key beside a blob (`hansa.seal.rewrap` makes it).

        Raises:
            Rejected: ``vault.not-found``, ``vault.erased``, ``vault.not-named``, ``vault.wraps``.
        """
        body = NewWrap(wrap.member, wrap.to_key_id, wrap.alg, wrap.ek)
        target = f"/v1/vault/{blob_id.hex()}/wraps"
        return self._ask("POST", target, VaultEntry, msgspec.json.encode(body), JSON_TYPE)

    def erase(self, blob_id: bytes) -> VaultEntry:
        """Delete a blob on this node for ever; the receipt on the chain is a call of its own.

        Raises:
            Rejected: ``vault.not-found``.
        """
        target = f"/v1/vault/{blob_id.hex()}/erase"
        return self._ask("POST", target, VaultEntry, b"{}", JSON_TYPE)

    def _ask(
        self, method: str, target: str, kind: type[T], body: bytes | None = None, content: str = ""
    ) -> T:
        ask = calls.Ask(method, target, kind, body, BLOB_SECONDS)
        headers = self._headers if body is None else {**self._headers, "Content-Type": content}
        connection = self._connect()
        try:
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            reply = response.read(REPLY_BYTES_MAX)
            kind_of = response.headers.get("Content-Type", "")
        except (OSError, http.client.HTTPException) as error:
            raise calls.unreachable(self.base_url, str(error) or type(error).__name__) from error
        finally:
            connection.close()
        return calls.read_reply(ask, response.status, kind_of, reply)

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.base_url)
        assert parts.hostname is not None
        if parts.scheme == "https":
            return http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=BLOB_SECONDS, context=self._tls
            )
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=BLOB_SECONDS)


def seal_recipient(client: Client, member: str) -> Recipient:
    """The key to which is sealed for a member now: its live key of the use ``seal``.

    Raises:
        Rejected: ``seal.no-key`` when the member has named none.
    """
    subject = client.state(f"org/subject/{member}").value
    names = subject.get("keys") if isinstance(subject, dict) else None
    for name in reversed(names if isinstance(names, list) else []):
        record = client.state(f"org/key/{name}").value
        if (
            not isinstance(record, dict)
            or record.get("use") != SEAL_USE
            or record.get("valid_to", 0)
        ):
            continue
        public = bytes.fromhex(str(record["public"]).removeprefix("0x"))
        if public[:1] == bytes([X25519]):
            return Recipient(member, public)
    raise Rejected(
        "seal.no-key",
        f"{member} has named no key to which could be sealed",
        f"an administrator of {member} names one: hansa vault key --as {member}",
    )
