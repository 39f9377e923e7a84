"""The judge of evidence that `governance.accuse` asks (contracts.md, clause 5.7).

Statements and contradictions are the SDK's (`hansa.evidence`); here the set of the
height in question is found and the verdict is put into the contract's words.
"""

from hansa.errors import Rejected
from hansa.evidence import check_evidence, decode_evidence, height_of
from hansa.keys import Verify
from ledger.accuse import Offence, SetAt


def judge_evidence(evidence: bytes, chain_id: str, set_at: SetAt, verify: Verify) -> Offence:
    """What `evidence` proves against a validator of the set of its height.

    Raises:
        Rejected: ``evidence.*`` or ``encoding.*``: it proves nothing here.
    """
    height = height_of(decode_evidence(evidence))
    validators = set_at(height)
    if validators is None:
        raise Rejected("evidence.height", f"no block is signed at height {height} yet")
    offence = check_evidence(evidence, chain_id, validators, verify)
    return Offence(offence.name, offence.kind, offence.height, offence.view)
