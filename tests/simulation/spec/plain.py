"""From what the product says to plain data: the one place where both worlds meet.

Signatures are judged here, over statements that this file makes itself from the table in
docs/spec/consensus.md 3.2.1; the product's own statements are not asked.
"""

import hashlib

import msgpack

from consensus.io import Advanced, Asked, Build, Built, Fetch, Fetched, Ran, Received, Run, Stored
from consensus.messages import (
    AskFresh,
    Decided,
    Fresh,
    NewView,
    PrePrepare,
    Refuse,
    ViewChange,
    ViewChangeProof,
    Vote,
    encode_message,
)
from consensus.records import BodyRecord, NewViewRecord, OwnRecord
from hansa.block import Block, check_links
from hansa.encoding import unpack
from hansa.errors import Rejected


def tagged(tag, fields):
    """encoding.md 3.1, over the array of 3.2.1."""
    return hashlib.sha256(b"hansa/%b/1\0" % tag.encode() + msgpack.packb(fields)).digest()


class Plain:
    """Translates for one chain; `verify` is the world's judge of signatures."""

    def __init__(self, chain, validators, verify):
        self.chain, self.validators, self.verify = chain, validators, verify
        self._known, self._verdicts = {}, {}

    def holds(self, signer, tag, fields, signature):
        """Whether a validator signed the statement of these fields."""
        if signer >= self.validators.size:
            return False
        statement = tagged(tag, fields)
        key = (signer, statement, signature)
        if key not in self._verdicts:
            public = self.validators.validators[signer].key
            self._verdicts[key] = self.verify(public, statement, signature)
        return self._verdicts[key]

    # -- messages ----------------------------------------------------------------------------

    def message(self, message):
        """A message; the same bytes give the same object, which nobody changes."""
        data = encode_message(message)
        if data not in self._known:
            self._known[data] = self._message(message)
        return self._known[data]

    def _message(self, message):  # noqa: PLR0911 - one for each kind
        match message:
            case Vote():
                return self.vote(message)
            case PrePrepare():
                return self.pre_prepare(message)
            case ViewChangeProof():
                certificate = self.certificate(message.certificate)
                return {**self.view_change(message.view_change), "certificate": certificate}
            case NewView():
                return self.new_view(message)
            case Decided():
                return {"kind": "decided", "certificate": self.certificate(message.certificate)}
            case Refuse(height, view, block_hash, tx_hash):
                where = {"height": height, "view": view, "hash": block_hash.hex()}
                return {"kind": "refuse", **where, "tx": tx_hash.hex()}
            case Fresh():
                return self.fresh(message)
            case AskFresh(height):
                return {"kind": "ask-fresh", "height": height}
            case _:
                return {"kind": "bulk"}

    def vote(self, vote):
        """PREPARE or COMMIT."""
        place = (vote.epoch, vote.height, vote.view, vote.phase, vote.block_hash, vote.signer)
        return {
            "kind": "vote", "phase": vote.phase, "epoch": vote.epoch, "height": vote.height,
            "view": vote.view, "hash": vote.block_hash.hex(), "signer": vote.signer,
            "signed": self.holds(vote.signer, "vote", (self.chain, *place), vote.signature),
        }  # fmt: skip

    def pre_prepare(self, message):
        """A fresh block of view 0."""
        header = message.proposal.header
        fields = (self.chain, message.epoch, header.height, header.hash, message.signer)
        return {
            "kind": "pre-prepare", "epoch": message.epoch, "height": header.height, "view": 0,
            "hash": header.hash.hex(), "block": self.proposal(message.proposal),
            "signer": message.signer,
            "signed": self.holds(message.signer, "pre-prepare", fields, message.signature),
        }  # fmt: skip

    def view_change(self, change: ViewChange):
        """The claim alone."""
        fields = (
            self.chain, change.epoch, change.height, change.target, change.prepared_view,
            change.prepared_hash, change.signer,
        )  # fmt: skip
        return {
            "kind": "view-change", "epoch": change.epoch, "height": change.height,
            "target": change.target, "prepared_view": change.prepared_view,
            "prepared_hash": change.prepared_hash.hex(), "signer": change.signer,
            "signed": self.holds(change.signer, "view-change", fields, change.signature),
        }  # fmt: skip

    def new_view(self, message):
        """The choice of a new primary and what it rests on."""
        fields = (
            self.chain, message.epoch, message.height, message.view, message.block_hash,
            message.justification, message.signer,
        )  # fmt: skip
        block = None if message.proposal is None else self.proposal(message.proposal)
        return {
            "kind": "new-view", "epoch": message.epoch, "height": message.height,
            "view": message.view, "hash": message.block_hash.hex(), "signer": message.signer,
            "changes": [self.view_change(change) for change in message.view_changes],
            "certificate": self.certificate(message.certificate), "block": block,
            "signed": self.holds(message.signer, "new-view", fields, message.signature),
        }  # fmt: skip

    def fresh(self, fresh):
        """An attestation of an idle head."""
        place = (fresh.height, fresh.block_hash, fresh.state_root, fresh.time, fresh.signer)
        return {
            "kind": "fresh", "height": fresh.height, "hash": fresh.block_hash.hex(),
            "state": fresh.state_root.hex(), "time": fresh.time, "signer": fresh.signer,
            "signed": self.holds(fresh.signer, "fresh", (self.chain, *place), fresh.signature),
        }  # fmt: skip

    def certificate(self, certificate):
        """4.1: who stands in the bitmap, whether each signature is of a vote for just this."""
        if certificate is None:
            return None
        size = len(certificate.bitmap) * 8
        bits = int.from_bytes(certificate.bitmap, "little")
        signers = [index for index in range(size) if bits >> index & 1]
        place = (certificate.epoch, certificate.height, certificate.view, certificate.phase)
        signed = len(signers) == len(certificate.signatures) and all(
            self.holds(signer, "vote", (self.chain, *place, certificate.block_hash, signer), name)
            for signer, name in zip(signers, certificate.signatures, strict=True)
        )
        return {
            "phase": certificate.phase, "epoch": certificate.epoch, "height": certificate.height,
            "view": certificate.view, "hash": certificate.block_hash.hex(), "signers": signers,
            "signed": signed, "id": certificate.hash.hex(),
        }  # fmt: skip

    # -- blocks --------------------------------------------------------------------------------

    def header(self, header):
        """A header; its hash is the product's."""
        return {
            "hash": header.hash.hex(), "version": header.version, "suite": header.suite,
            "chain": header.chain_id, "epoch": header.epoch, "height": header.height,
            "time": header.time, "parent": header.parent.hex(), "primary": header.primary,
            "validators": header.validators_hash.hex(), "last_view": header.last_view,
            "next_validators": header.next_validators_hash.hex(),
            "state": header.state_root.hex(),
        }  # fmt: skip

    def proposal(self, proposal):
        """A block as it is offered."""
        try:
            check_links(proposal)
            links = True
        except Rejected:
            links = False
        return {
            **self.header(proposal.header),
            "links": links,
            "txs": [tx_hash.hex() for tx_hash in proposal.tx_hashes],
            "last_certificate": self.certificate(proposal.last_certificate),
        }

    # -- inputs, work and records ----------------------------------------------------------------

    def event(self, event):  # noqa: PLR0911 - one for each kind
        """An input of the core."""
        match event:
            case Received(peer, message):
                return {"in": "received", "peer": peer, "message": self.message(message)}
            case Stored(message):
                return {"in": "stored", "message": self.message(message)}
            case Built(height, view, proposal, _):
                block = None if proposal is None else self.proposal(proposal)
                return {"in": "built", "height": height, "view": view, "block": block}
            case Ran(height, block_hash, equal, block, culprit):
                culprit = None if culprit is None else culprit.hex()
                outcome = {"equal": equal, "whole": bool(block), "culprit": culprit}
                return {"in": "ran", "height": height, "hash": block_hash.hex(), **outcome}
            case Fetched(proposal, _):
                return {"in": "fetched", "block": self.proposal(proposal)}
            case Advanced(header, certificate, _, _, _):
                head = {"head": self.header(header), "certificate": self.certificate(certificate)}
                return {"in": "advanced", **head}
            case Asked():
                return {"in": "asked"}
            case _:
                return {"in": "tick"}

    def work(self, work):
        """A request to the ledger thread or the fetcher."""
        match work:
            case Build():
                certificate = self.certificate(work.last_certificate)
                return {
                    "do": "build", "height": work.height, "view": work.view,
                    "certificate": certificate, "shrink": work.shrink,
                    "exclude": sorted(tx_hash.hex() for tx_hash in work.exclude),
                    "allow_empty": work.allow_empty,
                }  # fmt: skip
            case Run():
                block_hash = work.proposal.header.hash.hex()
                return {"do": "run", "hash": block_hash, "fresh": work.fresh}
            case Fetch():
                where = {"height": work.height, "hash": work.block_hash.hex()}
                return {"do": "fetch", **where, "holders": list(work.holders)}

    def record(self, record):
        """A record of the vote log."""
        match record:
            case BodyRecord(height, block):
                proposal = self.proposal(unpack(Block, block).proposal())
                return {"record": "body", "height": height, "block": proposal}
            case OwnRecord(message):
                return {"record": "own", "message": self.message(message)}
            case NewViewRecord(message):
                return {"record": "new-view", "message": self.message(message)}
            case _:
                return {"record": "prepared", "certificate": self.certificate(record.certificate)}

    def output(self, out):
        """What the core wants done."""
        return {
            "persist": [self.record(record) for record in out.persist],
            "intents": [self.message(intent) for intent in out.intents],
            "send": [[peer, self.message(message)] for peer, message in out.send],
            "execute": [self.work(work) for work in out.execute],
            "commit": [
                {"hash": c.block_hash.hex(), "certificate": self.certificate(c.certificate)}
                for c in out.commit
            ],
            "evidence": [
                [seen.signer, self.message(seen.first), self.message(seen.second)]
                for seen in out.evidence
            ],
            "diverged": out.diverged,
            "wake_at": out.wake_at,
        }
