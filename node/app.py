"""The daemon: one process, one event loop, one ledger thread (architecture, section 7).

`run_node` opens a home, assembles the node over the real world and turns it until a
signal comes; then it stops in order: API, driver, ledger thread, mesh, store, lock.
"""

import asyncio
import gc
import json
import os
import resource
import shutil
import signal
import ssl
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop

from hansa.errors import HansaError, Rejected, Unavailable
from hansa.genesis import Genesis, decode_genesis
from hansa.keyfile import KeyFile, open_key_file
from hansa.signing import SigningKey, verify
from node import VERSION
from node.admission import Limits
from node.api.access import Token
from node.api.routes_vault import VaultRoutes
from node.api.routing import Scope
from node.api.server import ALL_SCOPES, ApiServer, ApiSettings
from node.assemble import WAL_FOLDER, Node, Settings, assemble
from node.clock import ProcessedClock, wall_ms
from node.config import Config, load
from node.contracts import describe_contracts
from node.evidence import EvidenceFolder
from node.journalist import Journalist
from node.lane import MAIN_LIMITS
from node.logs import Logger, capture_standard, make_logger
from node.loop import NodeLoop
from node.metrics import Metrics
from node.roster import Roster
from node.service import NodeService
from node.vault import VAULT_FOLDER, Surroundings, Vault
from node.vault_messages import VAULT_TAG
from node.verifier import VerifierPool
from p2p.control import Refusal
from p2p.frames import BULK
from p2p.mesh import Mesh
from p2p.peers import Identity, MeshPorts
from storage.files import Files, RealFiles
from storage.kv import Store
from storage.level import LevelStore
from storage.lock import HomeLock

OPEN_FILES_MIN = 4_096
"""1,000 API connections, peers, LevelDB's tables, and room."""
GC_THRESHOLDS = (50_000, 20, 100)
"""Objects and collections between collections of the three generations."""
PID_FILE = "node.pid"
READY_FILE = "ready.json"


@dataclass(frozen=True, slots=True)
class RealWorld:
    """Clock, disk, store, signer, judge and chance of a real machine."""

    files: Files
    store: Store
    key: SigningKey
    clock: ProcessedClock
    verify: Callable[[bytes, bytes, bytes], bool] = verify

    @property
    def sign(self) -> Callable[[bytes], bytes]:
        """Signs with the validator key."""
        return self.key.sign

    def random_bytes(self, size: int) -> bytes:
        """The operating system's chance."""
        return os.urandom(size)

    def mono_ms(self) -> int:
        """Processed time."""
        return self.clock.now()

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""
        return wall_ms()


def run_node(home: Path, overrides: Mapping[str, object]) -> int:
    """Run the node of a home until SIGTERM or SIGINT.

    Returns:
        The exit code: 0 after an ordered stop.

    Raises:
        HansaError: what kept it from starting, or stopped it.
    """
    if not __debug__:
        raise Rejected("node.optimised", "Python runs with -O: assertions are safety here")
    _raise_open_files()
    config = load(home, os.environ, overrides).config
    with HomeLock(home):
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_run(home, config))
        except* HansaError as group:
            raise _first(group) from None
    return 0


def _raise_open_files() -> None:
    """Sockets and tables need more descriptors than many systems give at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES_MIN if hard == resource.RLIM_INFINITY else min(OPEN_FILES_MIN, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _first(group: BaseExceptionGroup[HansaError]) -> HansaError:
    """The error that stopped the node, out of the tasks that fell with it."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


async def _run(home: Path, config: Config) -> None:
    """Open everything in the order in which it is closed again, backwards; then serve."""
    genesis = decode_genesis(_read(home / "genesis.json"))
    async with AsyncExitStack() as stack:
        clock = ProcessedClock()
        log = make_logger(
            sys.stderr,
            wall_ms=wall_ms,
            mono_ms=clock.now,
            level=config.logs.level,
            form=config.logs.format,
            colours="NO_COLOR" not in os.environ,
        ).bind(node=config.node.name)
        capture_standard(log)
        store = LevelStore(home / "data")
        stack.callback(store.close)
        files = RealFiles(home / WAL_FOLDER)
        stack.callback(files.close)
        world = RealWorld(files, store, _key(home, config, config.keys.validator), clock)
        settings = Settings(config.node.name, config.consensus.t0_ms, _limits(config))
        node = assemble(world, genesis, settings)
        pool = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        stack.callback(pool.shutdown)
        verifier = stack.enter_context(VerifierPool(_verify_workers()))
        metrics = Metrics()
        metrics.build(version=VERSION, commit="", chain_id=genesis.chain_id, suite=genesis.suite)
        loop = NodeLoop(node, clock, verifier, pool, metrics)
        roster = Roster(genesis, config, node.worker.ledger)
        transport = _key(home, config, config.keys.transport)
        vault = _vault(home, config, genesis, roster, clock)
        stack.callback(vault.close)
        loop.mesh = mesh = _mesh(config, genesis, node, roster, loop, vault, transport, log)
        vault.transport = mesh
        loop.observers.append(Journalist(log, loop, EvidenceFolder(home)).observe)
        service = NodeService(loop, mesh, roster, transport, config, home, metrics)
        server = ApiServer(
            service,
            _api_settings(home, config),
            version=VERSION,
            contracts=describe_contracts,
            more=VaultRoutes(vault).routes(),
        )
        # What is alive now lives as long as the process; young garbage is mostly values without
        # cycles, so that collections every 700 objects cost a tenth of the time and find nothing.
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        head = node.worker.ledger.head
        log.info("node.start", chain=genesis.chain_id, height=head.height, pid=os.getpid())
        await _serve(home, loop, vault, mesh, server, log)
        log.info("node.stop", height=node.worker.ledger.head.height)


def _mesh(  # noqa: PLR0913, PLR0917 - the parts that it connects
    config: Config,
    genesis: Genesis,
    node: Node,
    roster: Roster,
    loop: NodeLoop,
    vault: Vault,
    transport: SigningKey,
    log: Logger,
) -> Mesh:
    def refused(name: str, refusal: Refusal) -> None:
        log.warning("p2p.refused", peer=name, code=refusal.code, detail=refusal.detail)

    def on_frame(peer: str, kind: int, payload: bytes) -> None:
        if kind == BULK and payload[:1] == VAULT_TAG:
            vault.on_frame(peer, payload)
        else:
            loop.on_frame(peer, kind, payload)

    def on_peer(peer: str, up: bool) -> None:  # noqa: FBT001 - the mesh's signature
        loop.on_peer(peer, up)
        vault.on_peer(peer, up=up)

    return Mesh(
        Identity(
            name=config.node.name,
            role=roster.role,
            chain_id=genesis.chain_id,
            genesis_hash=node.genesis.hash,
            key=transport,
            software=f"hansa {VERSION}",
        ),
        _address(config.p2p.listen),
        MeshPorts(
            targets=roster.targets,
            known=roster.known,
            on_frame=on_frame,
            on_peer=on_peer,
            on_refused=refused,
        ),
    )


def _vault(
    home: Path, config: Config, genesis: Genesis, roster: Roster, clock: ProcessedClock
) -> Vault:
    return Vault(
        RealFiles(home / VAULT_FOLDER),
        Surroundings(
            chain_id=genesis.chain_id,
            member=config.node.member,
            member_of=roster.member_of,
            free_bytes=lambda: shutil.disk_usage(home).free,
            mono_ms=clock.now,
            wall_ms=wall_ms,
        ),
    )


async def _serve(  # noqa: PLR0913, PLR0917 - the parts that it runs
    home: Path, loop: NodeLoop, vault: Vault, mesh: Mesh, server: ApiServer, log: Logger
) -> None:
    """Run all tasks until a signal; what fails in one ends all."""
    stop = asyncio.Event()
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, stop.set)
    failures: list[BaseException] = []

    def on_exception(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """An exception in a callback is a bug of ours: it stops the node, it is not swallowed."""
        error = context.get("exception")
        log.error("node.bug", text=str(context.get("message")), error=repr(error))
        if isinstance(error, Exception) and not isinstance(error, OSError):
            failures.append(error)
            stop.set()

    running.set_exception_handler(on_exception)
    (home / READY_FILE).unlink(missing_ok=True)
    (home / PID_FILE).write_text(f"{os.getpid()}\n")
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(mesh.run()), *loop.start(group), *vault.start(group)]
            await mesh.listening.wait()
            async with server:
                ready = {"pid": os.getpid(), "api": server.url, "p2p": mesh.port}
                (home / READY_FILE).write_text(json.dumps(ready) + "\n")
                log.info("node.ready", api=server.url, p2p=mesh.port)
                await stop.wait()
                loop.stopping = True
            for task in tasks:
                task.cancel()
    finally:
        (home / READY_FILE).unlink(missing_ok=True)
        (home / PID_FILE).unlink(missing_ok=True)
    if failures:
        raise failures[0]


def _limits(config: Config) -> Limits:
    """The mempool's limits of the configuration; the governance lane keeps its own."""
    main = replace(
        MAIN_LIMITS,
        count=config.mempool.count_max,
        bytes=config.mempool.bytes_max,
        sender_count=config.mempool.per_sender_max,
    )
    return Limits(main=main)


def _verify_workers() -> int:
    """Threads for signatures: where processes share the cores, none gain."""
    return 0 if (os.cpu_count() or 1) <= 2 else 2  # noqa: PLR2004 - measured on two cores


def _key(home: Path, config: Config, path: str) -> SigningKey:
    passphrase = os.environ.get("HANSA_PASSPHRASE")
    if config.keys.passphrase_file:
        lines = _read(home / config.keys.passphrase_file).decode().splitlines()
        passphrase = lines[0] if lines else ""
    opened: KeyFile = open_key_file(home / path, passphrase)
    if opened.dev and not config.node.dev:
        raise Rejected(
            "key.development",
            f"{home / path} is a development key: it is public",
            "make a key with a passphrase: hansa key new; or set node.dev for a test chain",
        )
    return opened.key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(
            "home.incomplete",
            f"{path} cannot be read: {error.strerror}",
            "make a home with: hansa node init, or hansa net create",
        ) from error


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _api_settings(home: Path, config: Config) -> ApiSettings:
    host, port = _address(config.api.listen)
    tls = None
    if config.api.tls_certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(config.api.tls_certificate, config.api.tls_key)
    return ApiSettings(
        host=host,
        port=port,
        tls=tls,
        tokens=_tokens(home / config.api.tokens_file) if config.api.tokens_file else (),
        subscribers_max=config.api.streams_max,
    )


def _tokens(path: Path) -> tuple[Token, ...]:
    """The bearer tokens of a file, which holds their digests only.

    Raises:
        Rejected: ``config.tokens``.
    """
    found = []
    for number, line in enumerate(_read(path).decode().splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        scopes: frozenset[Scope] = frozenset(
            scope for scope in ALL_SCOPES if scope in words[-1].split(",")
        )
        if len(words) != 3 or len(words[1]) != 64 or not scopes:  # noqa: PLR2004 - name, digest, scopes
            raise Rejected(
                "config.tokens",
                f"{path} line {number} is not: name, 64 hex digits, scopes",
                "write for example: scanner 9f86d0…0a08 read,submit",
            )
        found.append(Token(words[0], bytes.fromhex(words[1]), scopes))
    return tuple(found)
