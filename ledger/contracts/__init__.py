"""The chain's native contracts, by name: registered here and nowhere else."""

from collections.abc import Mapping

from ledger.contract import Contract
from ledger.contracts.asset import Asset
from ledger.contracts.cred import Cred
from ledger.contracts.doc import Doc
from ledger.contracts.governance import Governance
from ledger.contracts.grant import Grant
from ledger.contracts.match import Match
from ledger.contracts.org import Org
from ledger.contracts.profile import Profiles
from ledger.contracts.script import Scripts
from ledger.contracts.trace import Trace
from ledger.judge import judge_evidence

CONTRACTS: Mapping[str, Contract] = {
    contract.name: contract
    for contract in (
        Asset(),
        Cred(),
        Doc(),
        Governance(judge_evidence),
        Grant(),
        Match(),
        Org(),
        Profiles(),
        Scripts(),
        Trace(),
    )
}
"""Every contract that a call may name."""
