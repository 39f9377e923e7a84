"""Proofs that a stranger checks offline: build, parse, verify (docs/spec/proof.md).

A proof is judged in two steps. What every line of a verdict rests on (the file's
spelling, headers, certificates, changes of the set) must agree with itself, or the file
is refused as no proof. What one line rests on is judged in that line alone, so that damage
turns one line, the right one. Nothing here needs a network; signatures are checked by
the `Verify` that is handed in.
"""

from hansa.encoding import Value, decode_value
from hansa.errors import Rejected
from hansa.keys import Verify
from hansa.proof_build import (
    Fetched,
    Included,
    ProofBase,
    SetChange,
    build_state_proof,
    build_transaction_proof,
)
from hansa.proof_chain import check_chain, distrust
from hansa.proof_content import claimed_times, content_line, recorded_digests, recorded_roots
from hansa.proof_file import (
    PROOF_BYTES_MAX,
    KeyProof,
    Proof,
    TransactionProof,
    parse_proof,
    record_keys,
    signer_key,
    with_extras,
)
from hansa.proof_judge import (
    Grounds,
    StampJudge,
    now_line,
    on_chain_line,
    signers_line,
    time_line,
)
from hansa.proof_lines import FAIL, INFO, Line, Verdict, unchecked
from hansa.proof_words import Words
from hansa.trust import Trust, decode_trust

__all__ = [
    "PROOF_BYTES_MAX",
    "Fetched",
    "Included",
    "KeyProof",
    "Line",
    "Proof",
    "ProofBase",
    "SetChange",
    "TransactionProof",
    "Trust",
    "Verdict",
    "build_state_proof",
    "build_transaction_proof",
    "decode_trust",
    "parse_proof",
    "record_keys",
    "signer_key",
    "verify_proof",
    "with_extras",
]

_CONTRACTS = (
    "doc", "trace", "org", "governance", "profile", "asset", "cred", "match", "grant",
)  # fmt: skip
"""Contracts that have a sentence of their own about what is not proven."""


def verify_proof(  # noqa: PLR0913 - what a reader brings
    proof: Proof,
    trust: Trust,
    verify: Verify,
    content: bytes | None = None,
    now_ms: int | None = None,
    *,
    language: str = "en",
    stamps: StampJudge | None = None,
) -> Verdict:
    """Judge a proof.

    Args:
        proof: from `parse_proof`.
        trust: the holder's own trust file.
        verify: the judge of signatures, e.g. `hansa.signing.verify`.
        content: the bytes of the file that is compared, if any.
        now_ms: the reader's clock in ms since 1970, for ages; None: times are given.
        language: of the sentences, ``en`` or ``zh``.
        stamps: the judge of time-stamps, e.g. `hansa.timestamp_check.Authorities.check`; None:
            line 4 says that they were not checked.

    Raises:
        Rejected: ``proof.chain`` or ``certificate.*``: the file contradicts itself in what
            every line rests on, so it is no proof.
    """
    reigns = check_chain(proof.chain, verify)
    values = _values(proof)
    words = Words(language)
    compared = content_line(values, content, proof.extras, words)
    not_proven = Line(INFO, words.say(_not_proven(proof)))
    reason = distrust(proof.chain, reigns, trust, words)
    if reason:
        rest = unchecked(words)
        return Verdict(compared, Line(FAIL, reason), rest, rest, rest, not_proven)
    grounds = Grounds(reigns, trust, verify, now_ms, words, stamps)
    return Verdict(
        content=compared,
        on_chain=on_chain_line(proof, grounds),
        signers=signers_line(proof, grounds),
        time=time_line(proof, claimed_times(values), _stampable(proof, values), grounds),
        now=now_line(proof, grounds),
        not_proven=not_proven,
    )


def _values(proof: Proof) -> list[Value]:
    """What a file may be compared with: the arguments of the calls, or the record's value."""
    if isinstance(proof, TransactionProof):
        encoded = [call.args for call in proof.transaction.transaction.calls]
    else:
        encoded = [] if proof.record.value is None else [proof.record.value]
    return [_decoded(data) for data in encoded]


def _stampable(proof: Proof, values: list[Value]) -> list[tuple[str, bytes]]:
    """What a time-stamp may be over: recorded digests, roots of batches, the transaction's id."""
    found = recorded_digests(values)
    found += [("sha-256", root) for _, root in recorded_roots(values)]
    if proof.extras.member is not None:
        found.append((proof.extras.member.alg, proof.extras.member.digest))
    if isinstance(proof, TransactionProof):
        found.append(("sha-256", proof.transaction.tx_id))
    return found


def _decoded(data: bytes) -> Value:
    """The value, or the bytes themselves where they encode none."""
    try:
        return decode_value(data)
    except Rejected:
        return data


def _not_proven(proof: Proof) -> str:
    """The name of the sentence that says what is not proven: one for each application."""
    if isinstance(proof, TransactionProof):
        contract = proof.transaction.transaction.calls[0].contract
    else:
        if proof.record.value is None:
            return "proves_not_absent"
        contract = proof.record.key.partition("/")[0]
    return f"proves_not_{contract if contract in _CONTRACTS else 'else'}"
