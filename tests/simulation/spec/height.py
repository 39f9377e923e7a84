"""What the specified replica knows of the one undecided height, and how it is restored (row H)."""

from tests.simulation.spec.rules import COMMIT, NOTHING, PREPARE

BODIES_MAX = 8
RESEND_MS_MIN, RESEND_MS_MAX = 300, 4_000


class Height:
    """Section 6's state of one height."""

    def __init__(self, height):
        self.height, self.view, self.target, self.changing = height, 0, 0, False
        self.prepared = self.decided = self.new_view = self.building = None
        self.accepted, self.votes, self.changes, self.frozen = {}, {}, {}, {}
        self.prepare_sent, self.commit_sent, self.own = {}, {}, {}
        self.blocks, self.bodies, self.outcomes = {}, {}, {}
        self.running, self.durable_bodies, self.cold = set(), set(), set()
        self.active = self.committing = False
        self.failures, self.suspects = 0, []
        self.progress_at = self.view_change_at = self.resend_at = self.build_at = None
        self.view_change_for, self.resend_step = 0, RESEND_MS_MIN
        self.fresh_last, self.idle_since = None, None

    def executed(self, block):
        """An own block: whole, and its outcome is its header's."""
        self.keep_body(block)
        self.outcomes[block["hash"]] = True

    def keep_body(self, block):
        """9.4: 8 bodies, and those that own votes or certificates name."""
        self.blocks[block["hash"]] = block
        self.bodies[block["hash"]] = True
        if len(self.bodies) <= BODIES_MAX:
            return
        named = {block["hash"], self.accepted.get(self.view)}
        named |= {self.accepted.get(view) for view in self.prepare_sent}
        named |= {item["hash"] for item in (self.prepared, self.decided) if item is not None}
        for old in list(self.bodies):
            if old not in named:
                del self.bodies[old]
                return

    def take_over(self, message):
        """G: view := t, normal, accepted[t] := x."""
        self.view = self.target = message["view"]
        self.changing, self.active = False, True
        self.accepted[self.view] = message["hash"]
        self.new_view = message

    # -- own messages ------------------------------------------------------------------------------

    def keep_own(self, message):
        """By kind and view, to send again."""
        kind = message["kind"]
        place = {
            "vote": lambda: (f"vote{message['phase']}", message["view"]),
            "view-change": lambda: (kind, message["target"]),
            "new-view": lambda: ("propose", message["view"]),
            "pre-prepare": lambda: ("propose", 0),
        }
        self.own[place[kind]()] = message

    def outstanding(self):
        """9.3: what must be said again: own words that are not obsolete."""
        places = [("view-change", self.target) if self.changing else ("propose", self.view)]
        if self.prepare_sent:
            places.append((f"vote{PREPARE}", max(self.prepare_sent)))
        if self.commit_sent:
            places.append((f"vote{COMMIT}", max(self.commit_sent)))
        return [self.own[place] for place in places if place in self.own]

    def resend_from(self, mono):
        """Something new was said: again in 300 ms."""
        self.resend_step = RESEND_MS_MIN
        self.resend_at = mono + RESEND_MS_MIN

    def resent(self, mono):
        """The next time later."""
        self.resend_step = min(2 * self.resend_step, RESEND_MS_MAX)
        self.resend_at = mono + self.resend_step

    def expect_new_view(self, at):
        """F: q want the target; its new view is due, counted from when they did."""
        if self.view_change_at is None or self.view_change_for != self.target:
            self.view_change_at, self.view_change_for = at, self.target

    # -- H: restart ----------------------------------------------------------------------

    def restore(self, records):
        """The vote log's records of this height, in order."""
        for record in records:
            match record["record"]:
                case "body":
                    self.keep_body(record["block"])
                    self.durable_bodies.add(record["block"]["hash"])
                case "prepared":
                    known = NOTHING if self.prepared is None else self.prepared["view"]
                    if record["certificate"]["view"] >= known:
                        self.prepared = record["certificate"]
                case "new-view":
                    self._restore_new_view(record["message"])
                case "own":
                    self._restore_own(record["message"])
        if self.own or self.new_view is not None:
            self.resend_at = 0

    def _restore_new_view(self, message):
        moves = message["view"] >= self.target if self.changing else message["view"] > self.view
        if moves:
            self.take_over(message)
        if message["block"] is not None:
            self.blocks.setdefault(message["hash"], message["block"])

    def _restore_own(self, message):
        kind = message["kind"]
        if kind == "fresh":
            return
        self.keep_own(message)
        self.active = True
        if kind == "vote":
            sent = self.prepare_sent if message["phase"] == PREPARE else self.commit_sent
            sent[message["view"]] = message["hash"]
            place = (message["phase"], message["view"])
            self.votes.setdefault(place, {})[message["signer"]] = message["hash"]
            if message["phase"] == PREPARE:
                self.accepted.setdefault(message["view"], message["hash"])
        elif kind == "view-change":
            self.changes[message["signer"]] = message
            if message["target"] > self.view:
                self.changing, self.target = True, message["target"]
        elif kind == "new-view":
            self._restore_new_view(message)
        else:
            self.accepted[0] = message["hash"]
            self.blocks.setdefault(message["hash"], message["block"])
