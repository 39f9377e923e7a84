"""What each correct core must keep to after each step, worked out again outside of it.

The promise: nothing here asks the core for a judgement. What it holds is compared with what the
rows of docs/spec/consensus.md allow and with what validators were seen to sign, so that a broken
rule is noticed when it is broken, and not only where it happens to fork a chain later. The
functions raise AssertionError.
"""

from consensus.messages import Vote
from hansa.certificate import bitmap_of
from hansa.votes import COMMIT, PREPARE


def check_new_view(replica):
    """Row G: the new view in force rests on q distinct signers and on their highest claim."""
    state, facts = replica.state, replica.facts
    message = state.new_view
    if message is None or message.view != state.view:
        return
    changes, validators = message.view_changes, facts.validators
    signers = {change.signer for change in changes}
    assert len(signers) == len(changes), "a new view counts a signer twice"
    assert len(signers) >= validators.quorum, "a new view rests on fewer than a quorum"
    for change in changes:
        assert (change.height, change.target) == (state.height, message.view), "a foreign change"
        key = validators.validators[change.signer].key
        assert facts.verify(key, change.statement(facts.chain_id), change.signature)
    claims = [change for change in changes if not change.claims_nothing]
    if not claims:
        assert message.proposal is not None, "a new view for a block that nobody claims"
        return
    view, block_hash = max((one.prepared_view, one.prepared_hash) for one in claims)
    assert message.block_hash == block_hash, "a new view for another block than the highest claim"
    certificate = message.certificate
    shown = (certificate.phase, certificate.view, certificate.block_hash)
    assert shown == (PREPARE, view, block_hash), "a new view shows another certificate"


def check_joined(replica):
    """Row F: who knows f + 1 that want a higher view wants it too."""
    state = replica.state
    if state.decided is not None or not replica.may_sign or replica.me is None:
        return
    if replica.locked_view > (-1 if state.prepared is None else state.prepared.view):
        return  # it has forgotten the certificate behind its COMMIT, and waits for it
    wanted = sorted((proof.view_change.target for proof in state.changes.values()), reverse=True)
    weak = replica.facts.validators.weak_quorum
    if len(wanted) >= weak:
        mine = max(state.view, state.target)
        assert wanted[weak - 1] <= mine, f"view {mine}, but f + 1 want {wanted[weak - 1]}"


class Signed:
    """S4 to the letter: a certificate holds no vote of a correct validator that it never signed."""

    def __init__(self, liars):
        self._liars, self._votes, self._checked = frozenset(liars), set(), set()

    def hear(self, vote):
        """A correct validator has signed this."""
        self._votes.add((vote.signer, vote.phase, vote.height, vote.view, vote.block_hash))

    def check(self, certificate, size):
        """Whoever believes a certificate calls this."""
        place = (certificate.phase, certificate.height, certificate.view, certificate.block_hash)
        seen = (*place, certificate.bitmap)
        if seen in self._checked:
            return
        for signer in range(size):
            alone = bitmap_of([signer], size)
            holds = any(a & b for a, b in zip(alone, certificate.bitmap, strict=True))
            if holds and signer not in self._liars:
                said = (signer, *place) in self._votes
                assert said, f"a certificate has a vote of {signer}, {place[:3]}, never cast"
        self._checked.add(seen)

    def check_held(self, replica):
        """The certificates that a core rests on."""
        state, size = replica.state, replica.facts.validators.size
        held = [proof.certificate for proof in state.changes.values()]
        held.append(None if state.prepared is None else state.prepared.certificate)
        for certificate in held:
            if certificate is not None:
                self.check(certificate, size)


class Heard:
    """Row D: a quorum of COMMITs that has reached a replica is final there, in every view.

    Those of liars are left out: which of two words came first is not known here.
    """

    def __init__(self, liars=()):
        self._liars, self._commits = frozenset(liars), {}

    def hear(self, node, vote):
        """A replica takes a COMMIT, another's or its own, of a view that is not above its own."""
        state = node.core.state
        if vote.signer in self._liars:
            return
        if (vote.phase, vote.height) == (COMMIT, state.height) and vote.view <= state.view:
            mine = self._commits.setdefault((id(node), vote.height), (node, {}))[1]
            mine.setdefault((vote.view, vote.signer), vote.block_hash)

    def check(self, node):
        """After a step."""
        state = node.core.state
        _, commits = self._commits.get((id(node), state.height), (None, {}))
        if state.decided is not None or len(commits) < node.core.facts.validators.quorum:
            return
        counts = {}
        for (view, _), block_hash in commits.items():
            counts[view, block_hash] = counts.get((view, block_hash), 0) + 1
        most = max(counts.values())
        assert most < node.core.facts.validators.quorum, "a quorum of COMMITs, and no decision"


class CoreRules:
    """All of these on a world of bare cores (`tests.unit.consensus.world`)."""

    def __init__(self, liars):
        self.signed, self.heard = Signed(liars), Heard(liars)

    def spoken(self, node, message):
        """A correct replica has signed a message, or its guard would not have it."""
        assert message is not None, f"{node.name} asks for what its signer guard refuses"
        if isinstance(message, Vote):
            self.signed.hear(message)
            self.heard.hear(node, message)

    def took(self, node, peer, message):
        """A replica is given a message; a vote counts if its signer says it."""
        facts = node.core.facts
        if not isinstance(message, Vote) or message.signer != peer or message.epoch != facts.epoch:
            return
        key = facts.validators.validators[peer].key
        if facts.verify(key, message.statement(facts.chain_id), message.signature):
            self.heard.hear(node, message)

    def check(self, node):
        """After a step of a correct replica."""
        check_new_view(node.core)
        check_joined(node.core)
        self.signed.check_held(node.core)
        self.heard.check(node)


def check_target(sync, top):
    """sync.md: beside f liars nobody believes in a height that no correct validator has.

    `top` is the highest head of a correct node; one more may be proven by a certificate.
    """
    names = [peer for peer in sync._peers if sync._set.index_of(peer) is not None]
    if len(names) >= sync._set.weak_quorum:
        assert sync.target <= top + 1, f"follows to {sync.target}, the highest head is {top}"
