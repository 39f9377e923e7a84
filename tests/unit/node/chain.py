"""A small chain with real certificates, for the tests of block sync."""

import msgspec

from hansa.block import HEADER_VERSION, Block, Header
from hansa.certificate import make_certificate
from hansa.encoding import pack
from hansa.hashing import ZERO_HASH
from hansa.membership import Validator, ValidatorSet
from hansa.merkle import root_of
from hansa.signing import SigningKey
from hansa.votes import COMMIT, vote_statement
from node.sync_check import Tip

CHAIN = "demo"
NAMES = ("node0", "node1", "node2", "node3")
EPOCH = 1


def validator_key(name):
    return SigningKey(name.encode().ljust(32, b"\0"))


def validator_set(*names):
    return ValidatorSet(
        tuple(Validator(name, f"org{name[-1]}", validator_key(name).public) for name in names)
    )


def certify(  # noqa: PLR0913 - each is what some test forges
    header, validators, *, view=0, chain=CHAIN, phase=COMMIT, epoch=None
):
    """The certificate of a header, signed by the set's first q."""
    epoch = header.epoch if epoch is None else epoch
    votes = {
        index: validator_key(validator.name).sign(
            vote_statement(chain, epoch, header.height, view, phase, header.hash, index)
        )
        for index, validator in enumerate(validators.validators)
    }
    return make_certificate(phase, epoch, header.height, view, header.hash, votes, validators)


def genesis(validators):
    return Header(
        version=HEADER_VERSION,
        chain_id=CHAIN,
        suite=1,
        epoch=EPOCH,
        height=0,
        time=1_000,
        parent=ZERO_HASH,
        primary="",
        txs_root=root_of(()),
        state_root=ZERO_HASH,
        log_root=root_of(()),
        log_size=0,
        validators_hash=validators.hash,
        next_validators_hash=validators.hash,
        last_certificate=ZERO_HASH,
        last_view=0,
        parameters_version=1,
    )


class Chain:
    """Blocks, certificates and the sets that signed them, by height; height 0 is genesis."""

    def __init__(self, names=NAMES):
        self.sets = [validator_set(*names)] * 2
        self.headers = [genesis(self.sets[0])]
        self.blocks = [None]
        self.certificates = [None]

    @property
    def height(self):
        return self.headers[-1].height

    def extend(self, count=1, *, next_names=None):
        """Append blocks; the last one hands over to another set if one is named."""
        for number in range(count):
            signing = self.sets[self.height + 1]
            following = signing
            if next_names is not None and number == count - 1:
                following = validator_set(*next_names)
            parent, last = self.headers[-1], self.certificates[-1]
            header = msgspec.structs.replace(
                parent,
                height=parent.height + 1,
                time=parent.time + 1,
                parent=parent.hash,
                validators_hash=signing.hash,
                next_validators_hash=following.hash,
                last_certificate=ZERO_HASH if last is None else last.hash,
                last_view=0 if last is None else last.view,
            )
            self.headers.append(header)
            self.blocks.append(pack(Block(header, (), last)))
            self.certificates.append(certify(header, signing))
            self.sets.append(following)
        return self

    def tip(self, height=0):
        """The head of a node that stands at `height`."""
        return Tip(self.headers[height], self.sets[height + 1], self.certificates[height], None)

    def stored(self, from_height, count):
        """What a store answers: (block bytes, certificate bytes) of consecutive heights."""
        heights = range(from_height, min(from_height + count, self.height + 1))
        return [(self.blocks[h], pack(self.certificates[h])) for h in heights]
