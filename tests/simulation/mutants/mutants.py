"""Thirty mistakes that somebody made, or nearly made, in a consensus like this one.

Each one breaks a rule of docs/spec/consensus.md. The promise of this table: whoever makes one of
them again is told so, by a scenario that states the promise that it breaks, and, where chance
finds it, by a campaign too. `edits` are textual: the old text stands in its file exactly once.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """One replacement in a file of the product."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A mistake.

    Attributes:
        number: by which `--only` names it.
        words: what the mistake is.
        edits: how it is made.
        scenario: module and function (`tests.simulation.mutants.scenarios_...`).
        departs: where our rules differ from the published one, and what was done about it.
    """

    number: str
    words: str
    edits: tuple
    scenario: str
    departs: str = ""


QUORUM, VOTES_OF = "sdk/src/hansa/membership.py", "sdk/src/hansa/votes.py"
VIEWS, VOTES, REPLICA = "consensus/views.py", "consensus/votes.py", "consensus/replica.py"
CHECKS, HEIGHT, GUARD = "consensus/checks.py", "consensus/height.py", "consensus/guard.py"
DRIVER, DURABLE, WORKER = "node/driver.py", "node/durable.py", "node/worker.py"
WAL = "storage/wal.py"

MUTANTS = (
    Mutant(
        "M1",
        "a quorum is 2f + 1, whatever n",
        (
            Edit(
                QUORUM,
                "    return (n + fault_bound(n) + 2) // 2\n",
                "    return 2 * fault_bound(n) + 1\n",
            ),
        ),
        "votes.two_halves_of_six_decide_nothing",
    ),
    Mutant(
        "M2",
        "what is said goes out before it is on disk",
        (
            Edit(
                DRIVER,
                "        for _ in range(len(self._events)):\n",
                "        for sync in self.durable.syncs():\n            sync()\n"
                "        for _ in range(len(self._events)):\n",
            ),
            Edit(DRIVER, "        return self.durable.is_dirty\n", "        return False\n"),
        ),
        "nodes.what_is_heard_is_on_the_disk_of_who_said_it",
    ),
    Mutant(
        "M3",
        "votes are not written down",
        (
            Edit(
                DURABLE,
                "            self._logs.votes.append(records)\n"
                '            self._dirty["votes"] = None\n',
                "            return\n",
            ),
            Edit(DURABLE, '        self._dirty["guard"] = None\n', "        return\n"),
        ),
        "nodes.what_is_heard_is_on_the_disk_of_who_said_it",
        "the signer guard is a second witness: it is not written either",
    ),
    Mutant(
        "M4",
        "a view change claims nothing and brings no certificate",
        (
            Edit(
                VIEWS,
                "        prepared = state.prepared\n        if replica.locked_view",
                "        prepared = None\n        if replica.locked_view",
            ),
        ),
        "views.what_one_has_committed_outlives_the_view",
        "the signer guard refuses such a view change after a COMMIT: no fork, but no progress",
    ),
    Mutant(
        "M5",
        "a new view is taken over unchecked",
        (
            Edit(
                VIEWS,
                "        justified = check_new_view(facts, message)\n",
                "        justified = message.proposal is None\n",
            ),
            Edit(
                VIEWS,
                "from consensus.checks import check_fresh, check_new_view, check_view_change\n",
                "from consensus.checks import check_fresh, check_view_change\n",
            ),
        ),
        "views.a_new_view_that_hides_a_claim_is_refused",
    ),
    Mutant(
        "M6",
        "the lowest prepared block is chosen, not the highest",
        (
            Edit(
                HEIGHT,
                "    return max(claims, key=lambda proof: proof.view_change.prepared_view,",
                "    return min(claims, key=lambda proof: proof.view_change.prepared_view,",
            ),
            Edit(
                HEIGHT,
                "    return max(claims, key=lambda change: change.prepared_view,",
                "    return min(claims, key=lambda change: change.prepared_view,",
            ),
        ),
        "views.the_block_of_the_highest_claim_is_chosen",
    ),
    Mutant(
        "M7",
        "one signer counts as often as it stands in a new view",
        (
            Edit(
                CHECKS,
                "    if len(signers) != len(message.view_changes)"
                " or len(signers) < facts.validators.quorum:\n",
                "    if len(message.view_changes) < facts.validators.quorum:\n",
            ),
        ),
        "views.one_signer_is_not_a_quorum",
        "a certificate is a bitmap and cannot hold a signer twice; a new view is a list",
    ),
    Mutant(
        "M8",
        "the view is not in the bytes that a vote signs",
        (
            Edit(
                VOTES_OF,
                "    fields = (chain_id, epoch, height, view, phase, block_hash, signer)\n"
                '    return tagged_hash("vote",',
                "    fields = (chain_id, epoch, height, phase, block_hash, signer)\n"
                '    return tagged_hash("vote",',
            ),
        ),
        "votes.a_vote_says_one_thing_in_one_view",
    ),
    Mutant(
        "M9",
        "one view change alone moves everybody",
        (
            Edit(
                VIEWS,
                "        if len(targets) >= validators.weak_quorum:\n"
                "            joined = targets[validators.weak_quorum - 1]\n",
                "        if targets:\n            joined = targets[0]\n",
            ),
        ),
        "times.one_liar_in_a_hurry_holds_nobody_up",
        "breaks no safety: the scenario bounds simulated time",
    ),
    Mutant(
        "M10",
        "nobody joins f + 1 others",
        (
            Edit(
                VIEWS,
                "            if joined > current and replica.may_sign:\n",
                "            if joined < 0 < current:\n",
            ),
        ),
        "times.who_was_cut_off_joins_the_view_of_the_others",
        "breaks no safety: the scenario bounds simulated time",
    ),
    Mutant(
        "M11",
        "the view-change timer runs without a quorum, and its wait has no limit",
        (
            Edit(
                VIEWS,
                "        if len(held) >= validators.quorum:\n            replica.pacemaker",
                "        if held:\n            replica.pacemaker",
            ),
            Edit(
                "consensus/pacemaker.py",
                "        return int(min(self._t0 * 2 ** min(view, VIEW_DOUBLINGS_MAX),"
                " VIEW_WAIT_MS_MAX))\n",
                "        return int(self._t0 * 2**view)\n",
            ),
        ),
        "times.a_minority_runs_nowhere",
    ),
    Mutant(
        "M12",
        "a commit is told before its block is durable",
        (
            Edit(
                WORKER,
                "        self._store.write(batch, sync=True)\n",
                "        self._store.write(batch, sync=False)\n",
            ),
        ),
        "nodes.what_was_acknowledged_survives_a_power_cut_of_all",
    ),
    Mutant(
        "M13",
        "COMMIT is sent in a view that was given up",
        (
            Edit(
                VOTES,
                "        if state.status_vc or view in state.commit_views"
                " or state.decided is not None:\n",
                "        if view in state.commit_views or state.decided is not None:\n",
            ),
        ),
        "votes.no_commit_follows_a_view_change_above_it",
        "the signer guard refuses it too: the scenario looks at the core alone",
    ),
    Mutant(
        "M14",
        "COMMITs of earlier views are not counted",
        (
            Edit(
                VOTES,
                "        first = state.view if phase == PREPARE else"
                " max(last - COMMIT_VIEWS_MAX + 1, 0)\n",
                "        first = state.view\n",
            ),
        ),
        "votes.a_quorum_of_commits_is_final_in_every_view",
    ),
    Mutant(
        "M15",
        "PREPARE goes out without its block on disk",
        (
            Edit(
                VIEWS,
                "            out.persist.append(BodyRecord(state.height,"
                " state.bodies[block_hash]))\n",
                "            assert state.bodies[block_hash]\n",
            ),
        ),
        "nodes.what_is_heard_is_on_the_disk_of_who_said_it",
    ),
    Mutant(
        "M16",
        "the set of the next height judges this one",
        (
            Edit(
                WORKER,
                "        certified_by = self.ledger.validators\n",
                "        certified_by = staged.next_validators\n",
            ),
            Edit(
                "ledger/blocks.py",
                "        parent = self.header(height - 1) if height else None\n",
                "        parent = self.header(height) if height else None\n",
            ),
        ),
        "chains.a_certificate_is_judged_by_the_set_that_its_parent_announced",
        "a change is in force one height later, not two",
    ),
    Mutant(
        "M17",
        "a restart signs anew what it had said",
        (
            Edit(
                REPLICA,
                "                case OwnRecord():\n"
                "                    self._restore_own(record)\n",
                "                case OwnRecord():\n                    continue\n",
            ),
        ),
        "votes.a_restart_says_again_and_signs_nothing",
    ),
    Mutant(
        "M18",
        "a torn record is read as if it were whole",
        (
            Edit(
                WAL,
                "        if len(payload) < header.length"
                " or self._crc(payload) != header.payload_crc:\n",
                "        if not payload:\n",
            ),
        ),
        "disks.a_torn_batch_is_dropped_whole",
    ),
    Mutant(
        "M19",
        "damage in the middle of the log is skipped",
        (
            Edit(
                WAL,
                "        if not is_last:\n            raise _corrupt(file, offset,"
                ' f"batch {self._number} is damaged, a segment follows it")\n',
                "        if file:\n            return\n",
            ),
        ),
        "disks.damage_before_a_good_batch_stops_the_node",
    ),
    Mutant(
        "M20",
        "a failed sync is tried again",
        (
            Edit(
                WAL,
                "        self._files.sync(segment)\n        self._is_broken = False\n",
                "        try:\n            self._files.sync(segment)\n"
                "        except Exception:\n            self._files.sync(segment)\n"
                "        self._is_broken = False\n",
            ),
        ),
        "disks.a_sync_that_failed_is_never_believed",
    ),
    Mutant(
        "M21",
        "a block proposed again is judged by the clock again",
        (
            Edit(
                VIEWS,
                "        self.enter(message, now, out, own=False)\n",
                "        known = replica.state.proposals.get(message.block_hash)\n"
                "        clock = replica.clock(now, message.view)\n"
                "        if known is not None and known.header.time not in clock:\n"
                "            return\n"
                "        self.enter(message, now, out, own=False)\n",
            ),
        ),
        "times.a_prepared_block_outlives_a_long_outage",
    ),
    Mutant(
        "M22",
        "answers have no gap",
        (
            Edit(
                REPLICA,
                " and certificate is not None and gap >= HELP_GAP_MS:\n",
                " and certificate is not None and gap >= 0:\n",
            ),
            Edit(
                VIEWS,
                "        if new_view is not None and gap >= SHOW_GAP_MS:\n",
                "        if new_view is not None and gap >= 0:\n",
            ),
        ),
        "times.a_hundred_questions_at_once_get_one_answer",
    ),
    Mutant(
        "M23",
        "a validator that lost its memory votes at once",
        (
            Edit(
                "node/assemble.py",
                "    if not remembers:\n        replica.abstain_through",
                "    if remembers is None:\n        replica.abstain_through",
            ),
        ),
        "nodes.who_lost_its_memory_abstains_for_two_heights",
    ),
    Mutant(
        "M24",
        "evidence is believed without the keys of its height's set",
        (
            Edit(
                "sdk/src/hansa/evidence.py",
                "        if not verify(validator.key, signed.statement(chain_id),"
                " signed.signature):\n",
                "        if not signed.signature:\n",
            ),
        ),
        "chains.nobody_is_accused_by_a_strangers_signature",
    ),
    Mutant(
        "M25",
        "one peer's claim of a height is believed",
        (
            Edit(
                "node/sync.py",
                "        weak = min(self._set.weak_quorum, len(claims))\n",
                "        weak = 1\n",
            ),
        ),
        "nodes.one_liar_about_its_height_stops_nobody",
    ),
    Mutant(
        "M26",
        "a new view below the own target is accepted",
        (
            Edit(
                VIEWS,
                "        return view >= state.target if state.status_vc else view > state.view\n",
                "        return view > state.view or view >= state.target\n",
            ),
        ),
        "views.four_correct_replicas_agree_on_the_unlucky_schedule",
        "the signer guard prevents the fork too: the scenario looks at the core alone",
    ),
    Mutant(
        "M27",
        "a block proposed again is a new block of the new view",
        (
            Edit(
                VIEWS,
                "        if chosen is None:\n            replica.duties.build",
                "        if state.target > 0:\n            replica.duties.build",
            ),
            Edit(
                VIEWS,
                "            None if chosen is None else chosen.certificate,\n",
                "            None if state.target > 0 or chosen is None else chosen.certificate,\n",
            ),
            Edit(
                CHECKS,
                "    chosen = largest_claimed(message.view_changes)\n",
                "    chosen = None\n",
            ),
        ),
        "views.what_one_has_committed_outlives_the_view",
        "our header has no view: here primary and time are the new view's, which comes to the same",
    ),
    Mutant(
        "M28",
        "a fresh block is voted for whatever its execution gave",
        (
            Edit(
                REPLICA,
                "        elif event.equal:\n            if not state.status_vc",
                "        elif event.block:\n            if not state.status_vc",
            ),
        ),
        "votes.a_block_that_executes_otherwise_gets_no_vote",
    ),
    Mutant(
        "M29",
        "a transaction that this machine could not carry out gets a receipt",
        (
            Edit(
                "ledger/calls.py",
                "            self.view.rollback(0)\n"
                '            raise NoResult("transaction.no-result",'
                " type(error).__name__) from error\n",
                '            del error\n            said = Refused("FAULT")\n'
                "            return self._refuse(transaction, index, len(results), said)\n",
            ),
        ),
        "chains.a_ceiling_of_one_machine_leaves_no_receipt",
    ),
    Mutant(
        "M30",
        "freshness is signed after a vote above it",
        (
            Edit(
                "consensus/duties.py",
                "        if state.active or not quiet or not replica.may_sign"
                " or replica.me is None:\n",
                "        if not replica.may_sign or replica.me is None:\n",
            ),
            Edit(
                GUARD,
                "            return isinstance(message, Fresh)"
                " and self.slot.height <= message.height\n",
                "            return isinstance(message, Fresh)\n",
            ),
        ),
        "votes.who_has_voted_above_attests_nothing",
        "both lines are left out: the core's and the signer guard's",
    ),
)
