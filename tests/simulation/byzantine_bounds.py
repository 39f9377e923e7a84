"""S12: however much liars say, what a correct node keeps of it stays within written bounds."""

from consensus.height import BODIES_MAX, COMMIT_VIEWS_MAX, VIEWS_AHEAD_MAX
from consensus.set_aside import SUSPECTS_MAX
from hansa.membership import VALIDATORS_MAX
from hansa.votes import COMMIT, PREPARE
from node.bodies import PROPOSALS_MAX
from node.mempool import VERIFYING_MAX
from node.parts import EVENTS_MAX
from node.sync import BUFFER_BYTES_MAX, HORIZON, REQUESTS_MAX
from node.sync_messages import REPLY_BYTES_MAX
from node.worker import STAGED_MAX

AHEAD_PLACES = 2 * (VIEWS_AHEAD_MAX + 1) + 3
"""Places that the next height has for one validator: votes of few views, three messages more."""


def check_memory(node):
    """Compare what a node holds with the bounds.

    Raises:
        AssertionError: something grew beyond its bound.
    """
    for name, have, bound in (*_core(node), *_driver(node), *_sync(node)):
        assert have <= bound, f"memory: {name}: {have}, at most {bound}"


def _core(node):
    """What the consensus core keeps of a height."""
    replica = node.driver.replica
    state, size = replica.state, replica.facts.validators.size
    views = max(state.view, state.target) + 1
    named = len(state.prepare_views) + 3
    suspects = replica.set_aside._suspects
    return (
        ("view changes", len(state.changes), size),
        ("views with COMMITs", len(state.tally.views(COMMIT)), COMMIT_VIEWS_MAX),
        (
            "views with PREPAREs",
            len(state.tally.views(PREPARE)),
            views - state.view + VIEWS_AHEAD_MAX,
        ),
        ("bodies", len(state.bodies), BODIES_MAX + named),
        ("proposals", len(state.proposals), 2 * BODIES_MAX + len(state.accepted)),
        ("accepted", len(state.accepted), views),
        ("own words", len(state.own), 5 * views),
        ("frozen", len(state.frozen), views),
        ("accused", len(state.accused), size),
        ("speakers of the next height", len(replica._ahead._kept), size),
        ("next height", max(map(len, replica._ahead._kept.values()), default=0), AHEAD_PLACES),
        ("helped", len(replica._helped), VALIDATORS_MAX),
        ("suspects", len(suspects), SUSPECTS_MAX),
    )


def _driver(node):
    """What the driver, the mempool and gossip keep."""
    driver = node.driver
    mempool, gossip = driver.mempool, driver._parts.gossip
    replica = driver.replica
    views = max(replica.state.view, replica.state.target) + 2
    lanes = []
    for name, lane in (("main", mempool._main), ("governance", mempool._governance)):
        lanes += [
            (f"{name} lane", len(lane.entries), lane._limits.count),
            (f"{name} lane's bytes", lane.bytes, lane._limits.bytes),
        ]
    return (
        *lanes,
        ("events", len(driver._events), EVENTS_MAX + 100),
        ("runs", len(driver.runs.waiting), views + BODIES_MAX),
        ("verifying", mempool.verifying_count, VERIFYING_MAX),
        ("open proposals", len(mempool.bodies._open), PROPOSALS_MAX),
        ("fetches", len(gossip._fetches), PROPOSALS_MAX + views),
        ("wanted bodies", len(driver.runs.bodies._wanted), views + 1),
        ("held bodies", len(driver.runs.bodies._held), views + BODIES_MAX),
        ("staged blocks", len(node.worker._staged), STAGED_MAX),
    )


def _sync(node):
    """What block sync keeps."""
    sync = node.driver.sync_machine
    asked = sum(state.request is not None for state in sync._peers.values())
    return (
        ("synced bytes", sync._held_bytes, BUFFER_BYTES_MAX + REPLY_BYTES_MAX),
        ("synced blocks", len(sync._held), HORIZON),
        ("requests", asked, REQUESTS_MAX),
    )
