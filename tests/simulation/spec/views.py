"""Rows F and G of docs/spec/consensus.md: how the specified replica leaves and enters views."""

from tests.simulation.spec.rules import (
    NOTHING,
    VIEW_MAX,
    ZERO,
    fresh_block_holds,
    largest,
    new_view_holds,
    view_change_holds,
    wait,
)


class Views:
    """A part of `tests.simulation.spec.model.Replica`."""

    def start(self, target, now, out):
        """F: give up the views below a target."""
        at, prepared = self.at, self.at.prepared
        at.progress_at = at.view_change_at = None
        if not self.may_sign or target > VIEW_MAX:
            return
        if self.locked > (NOTHING if prepared is None else prepared["view"]):
            at.progress_at = now["mono"] + wait(self.t0_ms, at.view)
            return
        at.changing, at.target, at.building, at.active = True, target, None, True
        claim = (NOTHING, ZERO) if prepared is None else (prepared["view"], prepared["hash"])
        fields = {"target": target, "prepared_view": claim[0], "prepared_hash": claim[1]}
        change = self.statement("view-change", **fields, certificate=prepared)
        out.intents.append(change)
        self.consider(now, out)

    def view_changed(self, peer, change, now, out):
        """F: of each signer the highest target, with a claim that holds; more is learned."""
        at = self.at
        if change["signer"] != peer or change["epoch"] != self.world["epoch"]:
            return
        known = at.changes.get(peer)
        if change["target"] <= at.view or (known and known["target"] >= change["target"]):
            return
        if not view_change_holds(change, self.place, self.sizes):
            return
        certificate = change["certificate"]
        if certificate and (at.prepared is None or certificate["view"] > at.prepared["view"]):
            at.prepared = certificate
            out.persist.append({"record": "prepared", "certificate": certificate})
        at.changes[peer] = change
        self.consider(now, out)

    def consider(self, now, out):
        """F: join w others; wait for a new view when q want one; G: make it."""
        at, sizes = self.at, self.sizes
        targets = sorted((change["target"] for change in at.changes.values()), reverse=True)
        joined = targets[sizes.w - 1] if len(targets) >= sizes.w else 0
        if joined > (at.target if at.changing else at.view) and self.may_sign:
            self.start(joined, now, out)
            return
        if not at.changing:
            return
        if sum(target >= at.target for target in targets) >= sizes.q:
            at.expect_new_view(now["mono"] + wait(self.t0_ms, at.target))
        if self.primary(at.target) != self.me or at.target in at.frozen:
            return
        exact = [at.changes[s] for s in sorted(at.changes)]
        exact = [change for change in exact if change["target"] == at.target]
        if len(exact) < sizes.q:
            return
        at.frozen[at.target] = exact
        chosen = largest(exact)
        if chosen is None:
            self.build(at.target, out)
        else:
            self.propose(at.target, chosen["prepared_hash"], None, out)

    def propose(self, view, block_hash, block, out):
        """G: NEW-VIEW, with the frozen view changes and the largest claim's certificate."""
        changes = self.at.frozen[view]
        chosen = largest(changes)
        certificate = None if chosen is None else chosen["certificate"]
        rests = {"changes": changes, "certificate": certificate, "block": block}
        out.intents.append(self.statement("new-view", view=view, hash=block_hash, **rests))

    def moves_on(self, view):
        """G: above the own view; in view change not below the own target."""
        return view >= self.at.target if self.at.changing else view > self.at.view

    def new_viewed(self, message, now, out):
        """G, accept: by its primary, proven, not a step back; whoever sent it."""
        view = message["view"]
        right = message["signer"] == self.primary(view)
        if not right or message["epoch"] != self.world["epoch"]:
            return
        if view == 0 or not self.moves_on(view):
            return
        if not new_view_holds(message, self.place, self.sizes):
            return
        block, primary = message["block"], message["signer"]
        if block is None or fresh_block_holds(block, self.world, view, primary, now, self.t0_ms):
            self.enter(message, now, out, own=False)

    def enter(self, message, now, out, *, own):
        """G: the view begins, with its block."""
        at = self.at
        if not self.moves_on(message["view"]):
            return
        at.take_over(message)
        at.progress_at = at.view_change_at = None
        at.resend_from(now["mono"])
        if not own:
            out.persist.append({"record": "new-view", "message": message})
        if message["block"] is not None:
            self.accept(at.view, message["block"], now, out)
        else:
            self.progress_from(now, at.view, 0)
            if message["hash"] in at.bodies:
                self.prepare(out)
                if message["hash"] not in at.outcomes:
                    out.runs.append(message["hash"])
            else:
                out.fetches.append(message["hash"])
        self.try_commit(now, out)
