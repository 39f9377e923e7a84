"""The block at height 0: a genesis written into an empty state (docs/spec/ledger.md, section 7).

Nobody signs it and it holds no transaction. Its hash is the chain's identity: whoever
computes another hash from the same file runs other rules.
"""

from collections.abc import Iterator

import msgpack

from hansa.block import HEADER_VERSION, Header
from hansa.encoding import encode_value, pack
from hansa.genesis import Genesis, Member, check_genesis
from hansa.hashing import ZERO_HASH
from hansa.keys import parse_public_key
from hansa.merkle import EMPTY_ROOT
from ledger.authorise import HeadCache, StateRegistry
from ledger.contract import Context, Scope, store
from ledger.enrol import NewMember, add_key, add_member, add_node, add_subject
from ledger.governed import (
    PARAMETERS_KEY,
    VALIDATORS_KEY,
    ParametersVersion,
    ValidatorEntry,
    Validators,
    set_key,
)
from ledger.parameters import check_parameter
from ledger.records import LegalNumber
from ledger.staged import HEAD_KEY, HEADER, RECEIPTS, SETS, TREE_PAGE, Batch, height_key
from ledger.state import STATE, Overlay
from ledger.tree import Tree

_UNMETERED = 2**62


class _Nothing:
    """A store without keys."""

    def get(self, key: bytes) -> bytes | None:  # noqa: ARG002 - the reader's signature
        """Nothing."""
        return None

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:  # noqa: ARG002 - as above
        """Nothing."""
        return iter(())

    def iterate_prefix(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:  # noqa: ARG002 - as above
        """Nothing."""
        return iter(())


def genesis_block(genesis: Genesis) -> tuple[Header, Batch]:
    """The header at height 0 and everything to write into an empty store.

    Raises:
        Rejected: ``genesis.*`` or ``parameter.*`` when it cannot be a genesis.
    """
    check_genesis(genesis)
    view = Overlay(_Nothing())
    view.begin(_UNMETERED, _UNMETERED)
    _write_members(_org(view, genesis), genesis)
    _write_rules(view, genesis)
    changes = view.net_changes()
    tree = Tree(_Nothing()).stage(changes)
    validators = genesis.validators()
    header = Header(
        version=HEADER_VERSION,
        chain_id=genesis.chain_id,
        suite=genesis.suite,
        epoch=0,
        height=0,
        time=genesis.time,
        parent=ZERO_HASH,
        primary="",
        txs_root=EMPTY_ROOT,
        state_root=tree.root,
        log_root=EMPTY_ROOT,
        log_size=0,
        validators_hash=validators.hash,
        next_validators_hash=validators.hash,
        last_certificate=ZERO_HASH,
        last_view=0,
        parameters_version=0,
    )
    batch: Batch = {STATE + key: value for key, value in changes.items()}
    batch.update((TREE_PAGE + key, page) for key, page in tree.writes.items())
    batch[SETS + validators.hash] = pack(validators)
    batch[height_key(HEADER, 0)] = pack(header)
    batch[height_key(RECEIPTS, 0)] = msgpack.packb([])
    batch[HEAD_KEY] = bytes(8)
    return header, batch


def _org(view: Overlay, genesis: Genesis) -> Context:
    registry = StateRegistry(view, HeadCache(), 0, genesis.time, _no_signature)
    scope = Scope(
        view=view,
        registry=registry,
        chain_id=genesis.chain_id,
        height=0,
        time=genesis.time,
        index=0,
        tx_id=ZERO_HASH,
        signers=(),
        strangers=(),
        events=[],
        records=[],
        contracts={},
    )
    return Context(scope, "org")


def _no_signature(public: bytes, message: bytes, signature: bytes) -> bool:  # noqa: ARG001 - `Verify`'s signature
    return False


def _write_members(context: Context, genesis: Genesis) -> None:
    for member in genesis.members:
        _write_member(context, member)
    for node in genesis.nodes:
        add_node(
            context,
            node.name,
            node.member,
            parse_public_key(node.validator_key),
            parse_public_key(node.transport_key),
        )


def _write_member(context: Context, member: Member) -> None:
    add_member(
        context,
        NewMember(
            name=member.name,
            legal_id=LegalNumber(member.legal_id.scheme, member.legal_id.value),
            names=member.names,
            key=parse_public_key(member.key),
            prefixes=member.prefixes,
            glns=member.glns,
        ),
    )
    for person in member.people:
        subject = f"{member.name}/{person.name}"
        add_subject(context, subject, member.name, person.kind, person.roles)
        add_key(context, parse_public_key(person.key), subject)


def _write_rules(view: Overlay, genesis: Genesis) -> None:
    entries = tuple(
        ValidatorEntry(one.key, one.member, one.name) for one in genesis.validators().validators
    )
    view.put(VALIDATORS_KEY, store(Validators(entries)))
    view.put(b"governance/" + set_key(1).encode(), store(Validators(entries)))
    view.put(PARAMETERS_KEY, store(ParametersVersion(0)))
    for name in sorted(genesis.parameters):
        value = genesis.parameters[name]
        check_parameter(name, value)
        view.put(b"governance/parameter/" + name.encode(), encode_value(value))
