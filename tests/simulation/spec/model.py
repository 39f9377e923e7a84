"""One replica as docs/spec/consensus.md describes it, sections 6 to 10: the independent core.

It takes the inputs of a trace and says what a correct replica does. What the text settles is
`Expected` word for word; what it leaves open (when a body is fetched again, which hint is sent)
is judged by `tests.simulation.spec.validate`.
"""

from tests.simulation.spec.height import Height
from tests.simulation.spec.rules import (
    COMMIT,
    NOTHING,
    PREPARE,
    certificate_holds,
    fresh_block_holds,
    wait,
)
from tests.simulation.spec.views import Views

BUILD_AGAIN_MS = 100
VIEWS_AHEAD, COMMIT_VIEWS = 2, 16


class Expected:
    """What one step must bring forth."""

    def __init__(self):
        self.intents, self.persist, self.commit, self.builds = [], [], [], []
        self.runs, self.fetches, self.sends = [], [], []


class Replica(Views):
    """The state of one replica between two crashes."""

    def __init__(self, name, world, rotation, t0_ms):
        self.name, self.world, self.rotation, self.t0_ms = name, world, rotation, t0_ms
        self.me = world["names"].index(name) if name in world["names"] else None
        self.abstain_through, self.diverged = 0, False
        self.locked = NOTHING
        self.ahead, self.asked, self.restored = {}, False, False
        self.at = Height(world["head"]["height"] + 1)

    @property
    def sizes(self):
        return self.world["sizes"]

    @property
    def place(self):
        """What every statement of this height carries: epoch, height."""
        return self.world["epoch"], self.at.height

    @property
    def may_sign(self):
        willing = not self.diverged and self.at.height > self.abstain_through
        return self.me is not None and willing

    def primary(self, view):
        return self.rotation.primary(self.at.height, view)

    def statement(self, kind, **fields):
        """An own message to come."""
        epoch, height = self.place
        return {"kind": kind, "epoch": epoch, "height": height, **fields, "signer": self.me}

    # -- inputs --------------------------------------------------------------------------------

    def step(self, event, now):
        """Take one input; what must follow."""
        out = Expected()
        match event["in"]:
            case "received":
                self.received(event["peer"], event["message"], now, out)
            case "stored":
                self.stored(event["message"], now, out)
            case "built":
                self.built(event, now, out)
            case "ran":
                self.ran(event, now, out)
            case "fetched":
                self.fetched(event["block"], now, out)
            case "advanced":
                self.advance(event, now, out)
            case "asked":
                self.asked = True
                out.sends.append({"kind": "ask-fresh", "height": self.at.height - 1})
            case "tick":
                pass
        self.act(now, out)
        return out

    def received(self, peer, message, now, out):
        """3.3, 3.4: only of this height; that of the next has its few places (9.4)."""
        kind = message["kind"]
        if kind == "ask-fresh":
            self.asked = self.asked or message["height"] == self.at.height - 1
        if kind in ("ask-fresh", "bulk", "fresh"):
            return
        subject = message["certificate"] if kind == "decided" else message
        if subject["height"] == self.at.height + 1:
            self.keep_ahead(peer, message)
        elif subject["height"] == self.at.height:
            self.heard(peer, message, now, out)

    def keep_ahead(self, peer, message):
        """9.4: of each validator one proposal, view change, new view, votes of three views."""
        kind = message["kind"]
        if kind == "vote" and message["view"] <= VIEWS_AHEAD:
            self.ahead.setdefault(peer, {})[f"vote{message['phase']}", message["view"]] = message
        elif kind in ("pre-prepare", "view-change", "new-view"):
            self.ahead.setdefault(peer, {})[kind, 0] = message

    def heard(self, peer, message, now, out):
        """A message of this height."""
        match message["kind"]:
            case "pre-prepare":
                self.pre_prepared(peer, message, now, out)
            case "vote":
                self.voted(peer, message, now, out)
            case "view-change":
                self.view_changed(peer, message, now, out)
            case "new-view":
                self.new_viewed(message, now, out)
            case "decided":
                certificate = message["certificate"]
                if certificate_holds(certificate, COMMIT, self.place, self.sizes):
                    self.decide(certificate, out)
            case "refuse":
                block = self.at.blocks.get(message["hash"])
                if block is not None and message["tx"] in block["txs"]:
                    self.at.suspects.append((message["tx"], block["primary"], peer))

    def stored(self, message, now, out):
        """7.1: an own message counts when it is durable."""
        kind = message["kind"]
        if kind == "fresh" or message["height"] != self.at.height:
            return
        self.at.resend_from(now["mono"])
        self.at.keep_own(message)
        if kind == "vote":
            self.count(message, now, out)
        elif kind == "view-change":
            self.at.changes[self.me] = message
            self.consider(now, out)
        elif kind == "new-view":
            self.enter(message, now, out, own=True)

    # -- A, B: blocks ----------------------------------------------------------------------------

    def pre_prepared(self, peer, message, now, out):
        """B, view 0: the first block of its primary."""
        at = self.at
        right = message["signer"] == peer == self.primary(0)
        if not right or message["epoch"] != self.world["epoch"] or at.changing or at.view != 0:
            return
        if 0 in at.accepted:
            if at.accepted[0] == message["hash"]:
                at.blocks.setdefault(message["hash"], message["block"])
            return
        holds = fresh_block_holds(message["block"], self.world, 0, peer, now, self.t0_ms)
        if holds and message["signed"]:
            self.accept(0, message["block"], now, out)

    def accept(self, view, block, now, out):
        """B: a fresh block that keeps the rules is executed, then prepared."""
        at = self.at
        at.active = True
        at.accepted[view] = block["hash"]
        at.blocks[block["hash"]] = block
        self.progress_from(now, view, len(block["txs"]))
        if at.outcomes.get(block["hash"]):
            self.prepare(out)
        elif block["hash"] not in at.outcomes:
            out.runs.append(block["hash"])

    def prepare(self, out):
        """B: body and PREPARE of the block that the current view accepted, once."""
        at = self.at
        block_hash = at.accepted[at.view]
        if at.view in at.prepare_sent or not self.may_sign or block_hash not in at.bodies:
            return
        at.prepare_sent[at.view] = block_hash
        self.persist_body(block_hash, out)
        vote = self.statement("vote", phase=PREPARE, view=at.view, hash=block_hash)
        out.intents.append(vote)

    def persist_body(self, block_hash, out):
        """7.2: the body stands in the log before the vote that rests on it, once."""
        if block_hash not in self.at.durable_bodies:
            self.at.durable_bodies.add(block_hash)
            out.persist.append({"record": "body", "hash": block_hash})

    def built(self, event, now, out):
        """A and G: an own block is ready; it is put forward if its view still wants it."""
        at, block, view = self.at, event["block"], event["view"]
        if event["height"] != at.height or at.building != view:
            return
        at.building = None
        if block is None:
            at.build_at = now["mono"] + BUILD_AGAIN_MS
        elif not self.may_sign:
            return
        elif view == 0 and not at.changing and at.view == 0 and 0 not in at.accepted:
            at.executed(block)
            at.active = True
            at.accepted[0] = block["hash"]
            self.persist_body(block["hash"], out)
            out.intents.append(self.statement("pre-prepare", view=0, hash=block["hash"]))
            self.progress_from(now, 0, len(block["txs"]))
            self.prepare(out)
        elif view > 0 and at.changing and at.target == view and view in at.frozen:
            at.executed(block)
            self.persist_body(block["hash"], out)
            self.propose(view, block["hash"], block, out)

    def ran(self, event, now, out):
        """B and E: an outcome; only the header's own makes a PREPARE or a commit."""
        at, block_hash = self.at, event["hash"]
        if event["height"] != at.height or block_hash not in at.blocks:
            return
        if event["whole"]:
            at.keep_body(at.blocks[block_hash])
        if event["whole"] or event["culprit"] is not None:
            at.outcomes[block_hash] = event["equal"]
        if at.decided is not None and at.decided["hash"] == block_hash:
            at.failures += not event["equal"]
            self.finish(out)
        elif event["equal"] and not at.changing and at.accepted.get(at.view) == block_hash:
            self.prepare(out)
        elif not event["equal"] and event["culprit"] is not None and self.me is not None:
            suspect = (event["culprit"], at.blocks[block_hash]["primary"], self.me)
            at.suspects.append(suspect)
            hint = {"kind": "refuse", "height": at.height, "view": at.view, "hash": block_hash}
            out.sends.append({**hint, "tx": event["culprit"]})

    def fetched(self, block, now, out):
        """D and G: a certified body is here; it may be prepared without an own execution."""
        at, block_hash = self.at, block["hash"]
        wanted = [at.accepted.get(at.view), at.decided and at.decided["hash"]]
        if block["height"] != at.height or block_hash in at.bodies or block_hash not in wanted:
            return
        at.keep_body(block)
        if block_hash not in at.outcomes:
            out.runs.append(block_hash)
            at.running.discard(block_hash)
        if not at.changing and at.accepted.get(at.view) == block_hash:
            self.prepare(out)

    # -- C, D, E: votes, decision ------------------------------------------------------------

    def window(self, phase):
        """9.4: the views whose votes have a place; the own view alone moves them."""
        last = max(self.at.view, self.at.target) + VIEWS_AHEAD
        first = self.at.view if phase == PREPARE else max(last - COMMIT_VIEWS + 1, 0)
        return range(first, last + 1)

    def voted(self, peer, vote, now, out):
        """3.5: one vote for each (phase, view, signer), the first."""
        place = vote["phase"], vote["view"]
        honest = vote["signer"] == peer and vote["epoch"] == self.world["epoch"] and vote["signed"]
        first = vote["signer"] not in self.at.votes.get(place, {})
        if honest and first and vote["view"] in self.window(vote["phase"]):
            self.count(vote, now, out)

    def count(self, vote, now, out):
        """C and D: a vote that stands."""
        at, phase, view = self.at, vote["phase"], vote["view"]
        at.active = True
        at.votes.setdefault((phase, view), {})[vote["signer"]] = vote["hash"]
        if phase == PREPARE:
            self.try_commit(now, out)
        elif view in self.window(COMMIT):
            certificate = self.certificate(COMMIT, view)
            if certificate is not None:
                self.decide(certificate, out)

    def certificate(self, phase, view):
        """4.3: what the votes of a phase and view make; of more than q the lowest signers."""
        votes = self.at.votes.get((phase, view), {})
        for block_hash in votes.values():
            signers = sorted(signer for signer, chosen in votes.items() if chosen == block_hash)
            if len(signers) >= self.sizes.q:
                epoch, height = self.place
                return {
                    "phase": phase, "epoch": epoch, "height": height, "view": view,
                    "hash": block_hash, "signers": signers[: self.sizes.q],
                }  # fmt: skip
        return None

    def try_commit(self, now, out):
        """C: q PREPAREs in the current view, in normal status, the own one stored."""
        at = self.at
        if at.changing or at.view in at.commit_sent or at.decided is not None:
            return
        certificate = self.certificate(PREPARE, at.view)
        own = self.me in at.votes.get((PREPARE, at.view), {})
        if certificate is None or not (own and self.may_sign):
            return
        at.prepared = certificate
        at.commit_sent[at.view] = certificate["hash"]
        out.persist.append({"record": "prepared", "certificate": certificate})
        vote = self.statement("vote", phase=COMMIT, view=at.view, hash=certificate["hash"])
        out.intents.append(vote)
        self.progress_from(now, at.view, 0)

    def decide(self, certificate, out):
        """D: final, in any status."""
        if self.at.decided is None:
            self.at.decided = certificate
            self.at.failures = 0
            self.finish(out)

    def finish(self, out):
        """D, E: the body by hash, an execution, the batch; a second refusal is divergence."""
        at = self.at
        block_hash = at.decided["hash"]
        outcome = at.outcomes.get(block_hash)
        if at.committing:
            return
        if outcome:
            at.committing = True
            out.commit.append(at.decided)
        elif block_hash not in at.bodies:
            out.fetches.append(block_hash)
        elif outcome is None:
            out.runs.append(block_hash)
        elif block_hash not in at.cold:
            at.cold.add(block_hash)
            del at.outcomes[block_hash]
            out.runs.append(block_hash)
        else:
            self.diverged = True

    def advance(self, event, now, out):
        """E, I: the head moved; what was said about the next height is heard now."""
        head = event["head"]
        if head["height"] < self.at.height:
            return
        self.rotation.advance(head)
        self.world = {**self.world, "head": head, "certificate": event["certificate"]}
        past, self.at = self.at, Height(head["height"] + 1)
        self.at.fresh_last, self.at.suspects = past.fresh_last, past.suspects
        self.at.idle_since = now["mono"]
        self.locked = NOTHING
        kept, self.ahead = self.ahead, {}
        waiting = [(peer, item) for peer, places in kept.items() for item in places.values()]
        waiting.sort(key=lambda entry: entry[1]["kind"] not in ("pre-prepare", "new-view"))
        for peer, message in waiting:
            self.received(peer, message, now, out)

    # -- 9: what time brings --------------------------------------------------------------------

    def progress_from(self, now, view, transactions):
        """9.2: a proposal (and an own COMMIT) restarts the timer."""
        self.at.progress_at = now["mono"] + wait(self.t0_ms, view) + transactions

    def act(self, now, out):
        """Timers, resending, building."""
        at = self.at
        if at.decided is not None:
            at.progress_at = at.view_change_at = None
            self.retry_decided(now, out)
            return
        awaited = at.view > 0 or at.active or now["relayed"]
        if not at.changing and awaited and at.progress_at is None:
            self.progress_from(now, at.view, 0)
        if self.restored:
            self.restored = False
            self.give_up_stale(now, out)
        if at.progress_at is not None and now["mono"] >= at.progress_at:
            self.start(at.view + 1, now, out)
        elif at.view_change_at is not None and now["mono"] >= at.view_change_at:
            self.start(at.target + 1, now, out)
        if at.resend_at is not None and now["mono"] >= at.resend_at:
            out.sends += at.outstanding()
            at.resent(now["mono"])
        if at.build_at is not None and now["mono"] < at.build_at:
            return
        at.build_at = None
        wanted = at.view == 0 and not at.changing and at.building is None and now["pending"]
        if wanted and 0 not in at.accepted and self.may_sign and self.primary(0) == self.me:
            self.build(0, out)

    def retry_decided(self, now, out):
        """D: the body is asked for again and again."""
        at = self.at
        if at.resend_at is None:
            at.resend_from(now["mono"])
        elif now["mono"] >= at.resend_at:
            out.sends += at.outstanding()
            at.resent(now["mono"])
            if not self.diverged:
                self.finish(out)

    def give_up_stale(self, now, out):
        """H: an own proposal of view 0 that is older than T(0), not prepared, is given up."""
        at = self.at
        own = at.own.get(("propose", 0))
        if own is None or at.prepared is not None or at.changing or at.view != 0:
            return
        if now["wall"] - own["block"]["time"] > wait(self.t0_ms, 0):
            self.start(1, now, out)

    def build(self, view, out):
        """A: on the durable head; smaller and without suspects the more views failed."""
        at = self.at
        at.building = view
        exclude = set()
        if view > 1:
            exclude.update(*(block["txs"] for block in at.blocks.values()))
        out.builds.append({
            "do": "build", "height": at.height, "view": view, "shrink": view,
            "certificate": self.world["certificate"], "exclude": exclude, "allow_empty": view > 0,
        })  # fmt: skip
