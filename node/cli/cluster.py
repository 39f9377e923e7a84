"""A network as its nodes tell it: each is asked for itself, all at once, none for long."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hansa.errors import HansaError
from hansa.membership import quorum_size
from node.cli.errors import CliError, ExitCode
from node.cli.homes import network_of
from node.cli.options import Session
from node.network import NodeEntry

if TYPE_CHECKING:
    from hansa.client.types import Status

PATIENCE_S = 2.0
"""A node that says nothing for this long is shown as unreachable."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What was seen of a network.

    Attributes:
        chain_id: the chain.
        rows: a line a node, fields as in `hansa status -o json`.
        validators: how many there are.
        need: how many make a quorum.
        live: how many are within reach.
        missing: the members of those that are not.
        statuses: of the nodes that answered, by name.
    """

    chain_id: str
    rows: Sequence[dict[str, object]]
    validators: int
    need: int
    live: int
    missing: tuple[str, ...]
    statuses: dict[str, "Status"]

    @property
    def reached(self) -> bool:
        """Whether enough validators are within reach."""
        return self.live >= self.need

    @property
    def height(self) -> int:
        """The highest head."""
        return max(status.height for status in self.statuses.values())

    @property
    def quorum_text(self) -> str:
        """The quorum in words."""
        spare = f", can lose {self.live - self.need}" if self.reached else ""
        return f"quorum {self.live} of {self.validators} (need {self.need}{spare})"

    @property
    def document(self) -> dict[str, object]:
        """The machine form."""
        newest = max(self.statuses.values(), key=lambda status: status.height)
        return {
            "chain_id": self.chain_id,
            "quorum": {
                "validators": self.validators,
                "need": self.need,
                "live": self.live,
                "reached": self.reached,
                "missing": list(self.missing),
            },
            "nodes": list(self.rows),
            "height": newest.height,
            "block_time": newest.block_time,
            "pending": max(status.pending.count for status in self.statuses.values()),
            "fresh_at": max((status.fresh_at or 0) for status in self.statuses.values()) or None,
        }

    def summary(self, now_ms: int) -> str:
        """The line below the table."""
        newest = max(self.statuses.values(), key=lambda status: status.height)
        pending = max(status.pending.count for status in self.statuses.values())
        fresh_at = max((status.fresh_at or 0) for status in self.statuses.values())
        parts = [f"chain {self.chain_id}", self.quorum_text]
        waiting = f"{pending} pending" if pending else "nothing pending"
        if newest.height:
            parts.append(f"last block {_ago(newest.block_time, now_ms)}, {waiting}")
        else:
            parts.append(f"no block yet, {waiting}")
        parts.append(f"fresh {_ago(fresh_at, now_ms)}" if fresh_at else "no fresh quorum yet")
        if any(status.development_keys for status in self.statuses.values()):
            parts.append("development keys")
        return "  ".join(parts)


def _ago(then_ms: int, now_ms: int) -> str:
    seconds = max(0, now_ms - then_ms) // 1_000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def see_cluster(session: Session) -> Cluster:
    """Ask every node of the session's network, or the one of `--api`.

    Raises:
        CliError: ``node.unreachable`` when none answers.
    """
    if session.api is not None:
        statuses, reasons = ask_nodes([_entry_of(session.api)])
        entries: tuple[NodeEntry, ...] = ()
    else:
        _, network = network_of(session)
        entries = network.nodes
        statuses, reasons = ask_nodes(entries, network.chain_id)
    if not statuses:
        raise CliError(
            ExitCode.UNREACHABLE,
            "node.unreachable",
            "no node answers",
            "; ".join(reasons),
            "hansa demo starts the demo again; hansa node start --home DIR starts one node",
        )
    return _joined(entries, statuses)


def _entry_of(api: str) -> NodeEntry:
    return NodeEntry(name=api, member="", host="", api=api, p2p="", home="")


def ask_nodes(
    entries: Sequence[NodeEntry], chain_id: str | None = None
) -> tuple[dict[str, "Status"], list[str]]:
    """The statuses of the nodes that answer in time, by name, and why the others do not.

    Args:
        entries: whom to ask.
        chain_id: the chain that they are nodes of: whatever else listens there is no answer.
            None takes any answer.
    """
    from hansa.client.plain import Client  # noqa: PLC0415

    statuses: dict[str, Status] = {}
    reasons: dict[str, str] = {}

    def ask(entry: NodeEntry) -> None:
        try:
            with Client(entry.api) as client:
                answer = client.status()
        except HansaError as error:
            reasons[entry.name] = error.detail
            return
        if chain_id is not None and (answer.chain_id, answer.node) != (chain_id, entry.name):
            found = f"{answer.node} of {answer.chain_id}"
            reasons[entry.name] = f"{entry.name}: {found} listens at {entry.api}"
            return
        statuses[answer.node] = answer

    threads = [threading.Thread(target=ask, args=(entry,), daemon=True) for entry in entries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    late = [entry.name for entry in entries if entry.name not in {*statuses, *reasons}]
    words = [*reasons.values(), *(f"{name}: no answer in {PATIENCE_S:.0f} s" for name in late)]
    return dict(statuses), words


def _joined(entries: Sequence[NodeEntry], statuses: dict[str, "Status"]) -> Cluster:
    """One row a node: its own word, or what the others say of it."""
    newest = max(statuses.values(), key=lambda status: status.height)
    top = newest.height
    hearsay = {validator.name: validator for validator in newest.validators}
    asked = {entry.name: entry for entry in entries}
    names = list(dict.fromkeys([*asked, *statuses, *hearsay]))
    rows = []
    for name in sorted(names):
        if name in statuses:
            rows.append(_own_row(statuses[name], top))
        else:
            rows.append(_absent_row(name, asked.get(name), newest, top))
    validators = sorted(hearsay) or sorted(asked)
    lost = [name for name in validators if name not in statuses and not _heard(name, asked, newest)]
    members = {str(row["name"]): str(row["member"]) for row in rows}
    return Cluster(
        chain_id=newest.chain_id,
        rows=rows,
        validators=len(validators),
        need=quorum_size(len(validators)),
        live=len(validators) - len(lost),
        missing=tuple(members[name] for name in lost),
        statuses=statuses,
    )


def _heard(name: str, asked: dict[str, NodeEntry], newest: "Status") -> bool:
    """Whether the newest node hears one whose API is out of reach from here."""
    entry = asked.get(name)
    if entry is not None and entry.host in {"127.0.0.1", "localhost"}:
        return False
    return any(validator.name == name and validator.reachable for validator in newest.validators)


def _own_row(status: "Status", top: int) -> dict[str, object]:
    primary = status.primary == status.node
    return {
        "name": status.node,
        "member": status.member,
        "role": status.role,
        "height": status.height,
        "trails_by": top - status.height,
        "state_root": status.state_root,
        "peers": status.peers,
        "version": status.version,
        "state": f"{status.state} (primary)" if primary else status.state,
        "primary": primary,
        "view": status.view,
        "phase": status.phase,
    }


def _absent_row(
    name: str, entry: NodeEntry | None, newest: "Status", top: int
) -> dict[str, object]:
    heard = next((one for one in newest.validators if one.name == name), None)
    reachable = heard is not None and _heard(name, {name: entry} if entry else {}, newest)
    height = heard.height if heard is not None and reachable else None
    return {
        "name": name,
        "member": entry.member if entry else (heard.member if heard else ""),
        "role": "validator" if heard is not None else "observer",
        "height": height,
        "trails_by": None if height is None else max(0, top - height),
        "state_root": None,
        "peers": None,
        "version": heard.version if heard is not None and reachable else None,
        "state": f"ok, says {newest.node}" if reachable else "unreachable",
        "primary": newest.primary == name,
        "view": None,
        "phase": None,
    }
