"""Sending transactions and telling what became of them, in the same words everywhere."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.cli.connect import SubmittedIds, chain_id_of
from node.cli.errors import CliError, ExitCode, exit_code_of_refusal
from node.cli.homes import find_network
from node.cli.options import Session, duration_text
from node.cli.output import Result, plain, short_id
from node.clock import monotonic_ms, wall_ms

if TYPE_CHECKING:
    from hansa.client.plain import Client
    from hansa.client.types import Fate, NoCommitYet, ReceiptView, Submitted
    from hansa.signing import SigningKey
    from hansa.transaction import Call, SignedTransaction

EXPIRY_MS = 10 * 60_000
"""How long a transaction may wait for its block when nobody says (docs/spec/ledger.md, 1)."""
REQUEST_WAIT_MS_MAX = 60_000
"""The API's own limit of one wait; a longer one is asked again."""
TIMES_MS = range(10**12, 10**13)
"""Whole numbers that are shown with a date: ms since 1970 from 2001 to 2286."""

REFUSALS: Mapping[str, str] = {
    "AUTH": "not permitted",
    "SIGN": "a signature is wrong, or its key is not valid now",
    "SCHEMA": "the input is not as the method needs it",
    "EXISTS": "it is there already",
    "MISSING": "it is not there",
    "STATE": "not possible in the present state",
    "STALE": "the record has changed since it was read",
    "HELD": "it is held by somebody",
    "SUM": "the sums do not fit",
    "DUPLICATE": "this may be used only once, and was",
    "RULE": "a rule forbids it",
    "TIME": "too early or too late",
    "LINK": "it refers to what is not there or not current",
    "CONSENT": "there is no consent for it",
    "LIMIT": "too large or too many",
    "PROFILE": "the profile is unknown or retired",
    "FAULT": "the contract failed; the operators have been told",
}
"""What a refusal's code says; texts are made by the reader, the chain holds codes alone."""
_REFUSAL_NEXT: Mapping[str, str] = {
    "STALE": "read the record again and repeat with its version: hansa get KEY",
    "EXISTS": "look at it: hansa get KEY",
    "AUTH": "let somebody with that right do it (--as ORG)",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that a node took.

    Attributes:
        tx_id: hex.
        tx_hash: hex.
        expires_at: block time in ms after which it dies.
        fate: what is known.
        receipt: once a block holds it.
        elapsed_ms: from the submission to the answer.
    """

    tx_id: str
    tx_hash: str
    expires_at: int
    fate: "Fate"
    receipt: "ReceiptView | None"
    elapsed_ms: int

    @property
    def document(self) -> dict[str, object]:
        """The machine form."""
        return {
            "tx_id": self.tx_id,
            "tx_hash": self.tx_hash,
            "fate": self.fate.state,
            "code": self.fate.code or ("OK" if self.fate.state == "committed" else None),
            "height": self.fate.height,
            "index": self.fate.index,
            "expires_at": self.expires_at,
            "elapsed_ms": self.elapsed_ms,
        }


def make_transaction(
    session: Session,
    client: "Client",
    key: "SigningKey",
    calls: "Sequence[Call]",
    expires_ms: int = EXPIRY_MS,
) -> "SignedTransaction":
    """Sign calls for the session's chain."""
    from hansa.client.transactions import make  # noqa: PLC0415 - cryptography

    chain_id = chain_id_of(session, client)
    return make(chain_id, key, calls, expires_at=wall_ms() + expires_ms)


def send(
    session: Session,
    client: "Client",
    signed: "SignedTransaction",
    *,
    wait: bool,
    timeout_ms: int,
) -> Sent:
    """Submit a transaction; with `wait` until its fate is final.

    Raises:
        CliError: it was refused, expired or evicted, or (75) is still pending.
    """
    SubmittedIds(session).add(signed.tx_id.hex())
    started = monotonic_ms()
    first_wait_s = min(timeout_ms, REQUEST_WAIT_MS_MAX) / 1_000
    reply = client.submit(signed, "commit" if wait else "check", first_wait_s)
    sent = _sent(reply, started)
    while wait and sent.fate.state == "pending":
        left_ms = timeout_ms - (monotonic_ms() - started)
        if left_ms <= 0:
            raise _not_yet(session, client, sent, timeout_ms, reply.not_yet)
        sent = _wait_on(client, sent, started, left_ms)
    if sent.fate.state not in {"pending", "committed"}:
        raise fate_error(sent.tx_id, sent.fate, sent.receipt)
    return sent


def _sent(reply: "Submitted", started: int) -> Sent:
    from hansa.client.types import Fate  # noqa: PLC0415

    fate = reply.fate or Fate(state="pending")
    elapsed_ms = monotonic_ms() - started
    return Sent(reply.tx_id, reply.tx_hash, reply.expires_at, fate, reply.receipt, elapsed_ms)


def _wait_on(client: "Client", sent: Sent, started: int, left_ms: int) -> Sent:
    """Ask for the fate once more, for as long as one request may wait."""
    wait_s = min(left_ms, REQUEST_WAIT_MS_MAX) / 1_000
    reply = client.transaction(bytes.fromhex(sent.tx_id), "commit", wait_s)
    return Sent(
        sent.tx_id,
        sent.tx_hash,
        sent.expires_at,
        reply.fate,
        reply.receipt,
        monotonic_ms() - started,
    )


def _not_yet(
    session: Session,
    client: "Client",
    sent: Sent,
    timeout_ms: int,
    not_yet: "NoCommitYet | None",
) -> CliError:
    """The error of a wait that ended too early: who is missing, and what still can happen."""
    status = client.status()
    quorum = status.quorum
    gone = [validator for validator in status.validators if not validator.reachable]
    absent = [validator.name for validator in gone]
    missing = [validator.member for validator in gone] or list(quorum.missing)
    code, why = "wait.timeout", "it is still pending"
    if not_yet is not None:
        code = not_yet.code
    if quorum.live < quorum.need:
        code = "quorum.missing"
        why = (
            f"no quorum, {quorum.live} of {quorum.validators} validators reachable, "
            f"{quorum.need} needed (missing: {', '.join(missing)})"
        )
    until = time.strftime("%H:%M:%S", time.gmtime(sent.expires_at // 1_000))
    note = f"tx {short_id(sent.tx_id)} stays in the mempool until {until} UTC; it can still commit"
    return CliError(
        ExitCode.TRY_AGAIN,
        code,
        f"not committed within {duration_text(timeout_ms)}",
        why,
        _what_to_start(session, absent, sent.tx_id),
        notes=(note,),
        fields={**sent.document, "missing": missing},
    )


def _what_to_start(session: Session, absent: Sequence[str], tx_id: str) -> str:
    """The next command: for a demo the one that starts a missing node."""
    found = find_network(session)
    entries = {entry.name: entry for entry in found[1].nodes} if found else {}
    here = [name for name in absent if name in entries]
    if found is None or not here:
        return f"hansa status     or: hansa wait tx={short_id(tx_id)}"
    if found[1].development_keys:
        return f"hansa status     or: hansa demo start {here[0]}"
    return f"hansa status     or: hansa node start --home {found[0] / entries[here[0]].home}"


def fate_error(tx_id: str, fate: "Fate", receipt: "ReceiptView | None") -> CliError:
    """The error of a transaction that will not commit, or that a node gave up."""
    fields: dict[str, object] = {"tx_id": tx_id, "fate": fate.state, "height": fate.height}
    if fate.state == "refused":
        details = receipt.error if receipt is not None else None
        call = receipt.failed_call if receipt is not None else -1
        return refusal(fate.code, details, {**fields, "failed_call": call, "refused": details})
    short = short_id(tx_id)
    if fate.state == "expired":
        return CliError(
            ExitCode.NEGATIVE,
            "tx.expired",
            f"tx {short} expired",
            "no block took it in its time; it never will",
            "sign and submit the intent anew",
            fields=fields,
        )
    return CliError(
        ExitCode.TRY_AGAIN,
        f"tx.{fate.state}",
        f"tx {short} was {fate.state}",
        fate.reason or fate.code or "the node says no more",
        "submit the same bytes again, to this or another node",
        fields=fields,
    )


def refusal(code: str, details: object, fields: Mapping[str, object]) -> CliError:
    """The error of a contract's refusal, in words."""
    said = details.items() if isinstance(details, Mapping) else ()
    values = "  ".join(f"{name}={_with_time(value)}" for name, value in said)
    words = REFUSALS.get(code, "the contract refused it")
    return CliError(
        exit_code_of_refusal(code),
        f"refused.{code}",
        f"refused, {code}",
        f"{words}  {values}".rstrip(),
        _REFUSAL_NEXT.get(code, "mend what is named and submit again"),
        fields={"code": code, **fields},
    )


def _with_time(value: object) -> str:
    """A value of a refusal; a time in ms with the date that it means, for people."""
    text = plain(value)
    if isinstance(value, bool) or not isinstance(value, int) or value not in TIMES_MS:
        return text
    return f"{text} ({time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(value // 1_000))} UTC)"


def committed_text(client: "Client", sent: Sent) -> str:
    """The sentence of a commit: id, height, time, and who signed the block."""
    text = (
        f"committed  tx {short_id(sent.tx_id)}  height {sent.fate.height}  "
        f"in {sent.elapsed_ms / 1_000:.2f} s"
    )
    signed = signatures_text(client, sent.fate.height)
    return f"{text}  ({signed})" if signed else text


def signatures_text(client: "Client", height: int | None) -> str:
    """How many validators signed a block; empty where its certificate is no longer kept."""
    if height is None:
        return ""
    block = client.block(height)
    if block.certificate is None:
        return ""
    return f"{len(block.certificate.signers)} of {block.validators} validators signed"


def tell(session: Session, client: "Client", sent: Sent, document: Mapping[str, object]) -> None:
    """End a command that submitted one transaction."""
    result = Result({**sent.document, **document})
    short = short_id(sent.tx_id)
    if sent.fate.state == "committed":
        session.printer.done(committed_text(client, sent), result)
        session.printer.next(f"hansa prove tx {short} -O {short}.proof.json")
    else:
        session.printer.done(f"accepted  tx {short}  not yet in a block", result)
        session.printer.next(f"hansa wait tx={short}", f"hansa tx show {short}")
