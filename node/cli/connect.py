"""From a session to a node's API: which node answers, who signs, which transaction is meant."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hansa.errors import Unavailable
from node.cli.errors import CliError, ExitCode
from node.cli.homes import find_network, home_of, network_of
from node.cli.options import Session
from node.cli.passphrase import old_passphrase
from node.network import DESK_KEY, MEMBERS_FOLDER, PASSPHRASE_FILE, NodeEntry

if TYPE_CHECKING:
    from hansa.client.plain import Client
    from hansa.signing import SigningKey

TX_ID_CHARACTERS = 64
PREFIX_CHARACTERS_MIN = 8
"""Of a tx id: fewer are not told apart among a million transactions."""
BLOCKS_SEARCHED = 200
"""Newest blocks in which an id is looked for that this machine did not submit."""
_HEX = re.compile(r"^[0-9a-f]+$")


@contextmanager
def client_of(session: Session, prefer: str | None = None) -> Iterator["Client"]:
    """A client of `--api`, or of the first node of the network whose API answers.

    Args:
        session: the command's session.
        prefer: the member whose node is asked first.

    Raises:
        CliError: ``node.unreachable`` when none answers.
    """
    from hansa.client.plain import Client  # noqa: PLC0415 - only commands that talk pay for it

    if session.api is not None:
        with Client(session.api) as client:
            yield client
        return
    _, network = network_of(session)
    home = home_of(session)
    entries = sorted(network.nodes, key=lambda entry: _rank(entry, home, prefer))
    with _first_answering(entries, network.chain_id) as client:
        yield client


def _rank(entry: NodeEntry, home: Path, prefer: str | None) -> int:
    """Which nodes are asked first: the one whose home was named, then the member's own."""
    if home.name == entry.home and (home / "config.toml").exists():
        return 0
    return 1 if entry.member == prefer else 2


@contextmanager
def _first_answering(entries: list[NodeEntry], chain_id: str) -> Iterator["Client"]:
    from hansa.client.plain import Client  # noqa: PLC0415

    reasons: list[str] = []
    for entry in entries:
        client = Client(entry.api)
        try:
            status = client.status()
        except Unavailable as error:
            client.close()
            reasons.append(f"{entry.name} {error.detail}")
            continue
        if (status.chain_id, status.node) == (chain_id, entry.name):
            with client:
                yield client
            return
        client.close()
        reasons.append(f"{entry.name} {entry.api}: {status.node} of {status.chain_id} listens")
    raise CliError(
        ExitCode.UNREACHABLE,
        "node.unreachable",
        "no node answers",
        "; ".join(reasons),
        "hansa demo starts the demo again; hansa node start --home DIR starts one node",
    )


def chain_id_of(session: Session, client: "Client") -> str:
    """The chain that is signed for: what the directory says, or else the node of `--api`."""
    found = find_network(session) if session.api is None else None
    return client.status().chain_id if found is None else found[1].chain_id


def signing_key(session: Session, organisation: str, key_file: Path | None) -> "SigningKey":
    """The key with which a command signs as an organisation: its front desk's, or a given one.

    Raises:
        CliError: ``member.not-found`` when the network has no such organisation here.
        Rejected: ``key.*``.
    """
    from hansa.keyfile import open_key_file, read_public_key  # noqa: PLC0415 - cryptography

    path = key_file or desk_key(session, organisation)
    _, _, development = read_public_key(path)
    if development:
        return open_key_file(path).key
    beside = path.parent / PASSPHRASE_FILE
    words = old_passphrase(
        beside if beside.exists() else None, str(path), no_input=session.no_input
    )
    return open_key_file(path, words).key


def desk_key(session: Session, organisation: str) -> Path:
    """The key file of an organisation's front desk.

    Raises:
        CliError: ``member.not-found``.
    """
    home, _ = network_of(session)
    members = home / MEMBERS_FOLDER
    path = members / organisation / "keys" / f"{DESK_KEY}.json"
    if path.exists():
        return path
    known = ", ".join(sorted(folder.name for folder in members.glob("*"))) or "none"
    raise CliError(
        ExitCode.NOT_FOUND,
        "member.not-found",
        f"nobody can sign as {organisation}",
        f"there is no {path}",
        f"choose of: {known}; or give the key: --key FILE",
    )


class SubmittedIds:
    """The ids of what was submitted from this machine: `cli/ids` in the network's directory."""

    def __init__(self, session: Session) -> None:
        """Take the file of the session's network; there is none for `--api` alone."""
        found = find_network(session)
        self._path = None if found is None else found[0] / "cli" / "ids"

    def add(self, tx_id: str) -> None:
        """Remember an id."""
        if self._path is None:
            return
        self._path.parent.mkdir(exist_ok=True)
        with self._path.open("a", encoding="ascii") as file:
            file.write(tx_id + "\n")

    def with_prefix(self, prefix: str) -> set[str]:
        """All remembered ids that begin so."""
        if self._path is None or not self._path.exists():
            return set()
        lines = self._path.read_text(encoding="ascii").split()
        return {line for line in lines if line.startswith(prefix)}


def resolve_tx_id(session: Session, client: "Client", text: str) -> bytes:
    """The id that a user means: all of it, or its first 8 or more digits.

    Raises:
        CliError: ``tx.id`` for what is none, ``tx.not-found`` or ``tx.ambiguous``.
    """
    wanted = text.lower()
    if not _HEX.match(wanted) or not PREFIX_CHARACTERS_MIN <= len(wanted) <= TX_ID_CHARACTERS:
        raise CliError(
            ExitCode.USAGE,
            "tx.id",
            "no transaction is meant",
            f"{text!r} is no tx id",
            f"give 64 hex digits, or at least the first {PREFIX_CHARACTERS_MIN}",
        )
    if len(wanted) == TX_ID_CHARACTERS:
        return bytes.fromhex(wanted)
    found = SubmittedIds(session).with_prefix(wanted) or _search(client, wanted)
    if len(found) == 1:
        return bytes.fromhex(found.pop())
    if found:
        raise CliError(
            ExitCode.USAGE,
            "tx.ambiguous",
            f"{wanted} means several transactions",
            ", ".join(sorted(found)),
            "give more digits",
        )
    raise CliError(
        ExitCode.NOT_FOUND,
        "tx.not-found",
        f"no transaction begins with {wanted}",
        f"not submitted from here, and not in the last {BLOCKS_SEARCHED} blocks",
        "give all 64 digits, or: hansa block list",
    )


def _search(client: "Client", prefix: str) -> set[str]:
    """Ids of the newest blocks that begin with `prefix`."""
    found: set[str] = set()
    for summary in client.blocks(limit=BLOCKS_SEARCHED).items:
        if summary.txs:
            block = client.block(summary.height)
            found |= {tx.tx_id for tx in block.transactions if tx.tx_id.startswith(prefix)}
    return found
