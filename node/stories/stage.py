"""The stage on which a story is played: who signs, what is done, refused, proven and told.

The promise: a step that does not go as told ends the story with the reason; a fraud counts as
refused only by a receipt in a block with exactly the code that the story gives; every file that
is left as a proof has been verified against the trust file.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from hansa.encoding import Value
from hansa.epcis import read_event
from hansa.errors import HansaError
from hansa.proof import Trust, Verdict, parse_proof, verify_proof
from hansa.proof_judge import StampJudge
from hansa.receipt import OK, Receipt
from hansa.signing import SigningKey, verify
from node.clock import wall_ms
from node.stories.cast import Organisation
from node.stories.keyring import Keyring
from node.stories.wire import CallSpec, Wire, Work

REFUSED_FOLDER = "refused"
"""Beside a story's proofs: what was refused, each with its receipt for reading."""
SHORT = 12
"""Hex digits of a transaction's id in a line."""
FILE_NAME_MAX = 60
"""Characters of a proof's name: people read it in a listing."""
SHOWN = (
    "rule", "source", "field", "have", "need", "by", "since", "height", "id", "unit", "role",
    "kind", "values", "members", "reason",
)  # fmt: skip
"""What a refusal is told with, in this order, where it says so."""
MINUTE_MS, DAY_MS = 60_000, 86_400_000
CHINA = timezone(timedelta(hours=8))
"""Where the stories happen."""

Signer = Organisation | SigningKey


class StoryFailed(Exception):  # noqa: N818 - it is how a story ended
    """A step went another way than told; the text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A story; how to write one stands in `node/stories/__init__.py`.

    Attributes:
        name: one word, for the command line.
        title: by language.
        organisations: who plays.
        frauds: what is tried and refused, and the code of each.
        play: tells it on a stage.
        profiles: ready profiles that must be in force.
        accredited: types of `cred` and who must be accredited for them.
    """

    name: str
    title: Mapping[str, str]
    organisations: tuple[Organisation, ...]
    frauds: Mapping[str, str]
    play: Callable[["Stage"], None]
    profiles: tuple[str, ...] = ()
    accredited: tuple[tuple[str, Organisation], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A step for `Stage.together`: the line, the calls, who sign."""

    text: str
    calls: Sequence[CallSpec]
    signers: Sequence[Signer]


@dataclass(slots=True)
class Account:
    """What is left of a story: its steps, refusals and proof files, and why it failed, if so."""

    steps: list[dict[str, object]] = field(default_factory=list)
    refused: list[dict[str, object]] = field(default_factory=list)
    proofs: list[str] = field(default_factory=list)
    failure: str = ""


class Stage:
    """Plays one story; for one thread."""

    def __init__(  # noqa: PLR0913 - what a story needs from outside
        self,
        story: Story,
        wire: Wire,
        keys: Keyring,
        *,
        members: Mapping[Organisation, str],
        trust: Trust,
        folder: Path,
        tag: str,
        tell: Callable[[str], None],
    ) -> None:
        """Play `story` through `wire`; proofs go to `folder`, lines to `tell`."""
        self.story = story
        self.wire = wire
        self.tag = tag
        self.folder = folder
        self.account = Account()
        self._keys = keys
        self._members = members
        self._trust = trust
        self._tell = tell
        self._labels: dict[bytes, str] = {}

    # What the story asks of the world.

    @property
    def now(self) -> int:
        """Block time, ms since 1970."""
        return self.wire.now

    def id(self, name: str) -> str:
        """An id that no other run has."""
        return f"{name}-{self.tag}"

    def digest(self, text: str) -> bytes:
        """The SHA-256 of a content that no other run has."""
        return hashlib.sha256(f"{text} {self.tag}".encode()).digest()

    def of(self, organisation: Organisation) -> str:
        """An organisation's member name on this chain."""
        return self._members[organisation]

    def admin(self, organisation: Organisation) -> SigningKey:
        """An organisation's own key, which enrols its people and devices."""
        return self._labelled(self._keys.member(self.of(organisation)), self.of(organisation))

    def key(self, name: str) -> SigningKey:
        """A key of the story's own, of a device or a person; the same in every run."""
        return self._labelled(self._keys.own(name), name)

    def enrol(self, organisation: Organisation, name: str, kind: str, *roles: str) -> SigningKey:
        """The key of somebody or something of an organisation, enrolled unless it is."""
        subject = f"{self.of(organisation)}/{name}"
        key = self._labelled(self._keys.own(f"{self.of(organisation)}-{name}"), subject)
        if self.state(f"org/subject/{subject}") is None:
            args = {"subject": subject, "kind": kind, "key": key.public, "roles": [*roles]}
            admin = self.admin(organisation)
            receipt = self.wire.send(self._work([("org", "enrol", args)], [admin]))
            if receipt.code != "EXISTS":  # a story beside this one was faster
                self._done(f"enrols the {kind} {subject}", receipt, [admin])
        return key

    def state(self, key: str) -> Value:
        """The value under a state key, None when there is none."""
        return self.wire.state(key)

    def record(self, contract: str, name: str) -> dict[str, Value]:
        """A record as it stands: ``<contract>/record/<name>``.

        Raises:
            StoryFailed: there is none.
        """
        found = self.wire.state(f"{contract}/record/{name}")
        if not isinstance(found, dict):
            raise self._failed(f"there is no {contract}/record/{name}")
        return found

    def version(self, contract: str, name: str) -> int:
        """The version of a record as it stands."""
        version = self.record(contract, name)["version"]
        assert isinstance(version, int)
        return version

    def on(self, contract: str, method: str, name: str, /, **args: object) -> CallSpec:
        """A call on a record at the version that stands."""
        return (contract, method, {"id": name, "version": self.version(contract, name), **args})

    # What is done.

    def do(self, text: str, calls: Sequence[CallSpec], *signers: Signer) -> Receipt:
        """A step that must be carried out; the first signer sends it.

        Raises:
            StoryFailed: it was refused.
        """
        receipt = self.wire.send(self._work(calls, signers))
        self._done(text, receipt, signers)
        return receipt

    def together(self, steps: Sequence[Step]) -> tuple[Receipt, ...]:
        """Steps that do not rest on each other, submitted at once.

        Raises:
            StoryFailed: one of them was refused.
        """
        receipts = self.wire.send_all([self._work(one.calls, one.signers) for one in steps])
        for step, receipt in zip(steps, receipts, strict=True):
            self._done(step.text, receipt, step.signers)
        return receipts

    def refused(self, what: str, code: str, calls: Sequence[CallSpec], *signers: Signer) -> Receipt:
        """A fraud, which must be refused with this code by a receipt in a block; kept as proof.

        Raises:
            StoryFailed: it went through, or was refused with another code.
        """
        receipt = self.wire.send(self._work(calls, signers))
        if receipt.code == OK:
            raise self._failed(
                f"the fraud went through: {what}: {code} was due, "
                f"height {receipt.height} carried it out"
            )
        said = _said(receipt.error_fields())
        if receipt.code != code:
            raise self._failed(f"{what}: {code} was due, {receipt.code} came: {said}")
        proof = self._keep_refusal(what, receipt)
        self.account.refused.append(
            {
                "what": what,
                "code": code,
                "tx_id": receipt.tx_id.hex(),
                "height": receipt.height,
                "why": _plain(receipt.error_fields()),
                "proof": str(proof),
            }
        )
        self._say(f"✗ refused {code}: {self._names(signers)}: {what}  {said}", receipt)
        return receipt

    def check(self, true: bool, text: str) -> None:  # noqa: FBT001 - the sentence says it
        """What must be so now.

        Raises:
            StoryFailed: it is not.
        """
        if not true:
            raise self._failed(f"not so: {text}")

    def say(self, text: str) -> None:
        """Tell something that no transaction did."""
        self.account.steps.append({"text": text})
        self._say(text)

    def warn(self, text: str) -> None:
        """Tell a warning that follows from the records."""
        self.account.steps.append({"text": text, "warning": True})
        self._say("! " + text)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something is so, at most `PATIENCE_S`: what the chain's own clock does.

        Raises:
            Unavailable: ``story.wait`` when it did not come true in time.
        """
        self.wire.until(condition, what)
        self.say(f"the clock: {what}")

    def events(self, receipt: Receipt, name: str) -> list[dict[str, Value]]:
        """The fields of a receipt's events of a name, e.g. ``asset.notice``."""
        return [
            event.fields() for call in receipt.calls for event in call.events if event.name == name
        ]

    # What is left.

    def prove(self, name: str, key: str) -> Path:
        """Keep the proof of what stands under a state key, or that nothing does."""
        return self._keep(name, self.wire.client.proof_state(key))

    def prove_tx(self, name: str, receipt: Receipt) -> Path:
        """Keep the proof of a transaction."""
        return self._keep(name, self.wire.client.proof_tx(receipt.tx_id))

    def leave(self, name: str, proof: bytes) -> Path:
        """Keep a proof to which the story added something, e.g. a time-stamp."""
        return self._keep(name, proof)

    def file(self, name: str, content: bytes) -> Path:
        """Leave a file beside the proofs: what a proof may be compared with."""
        path = self.folder / name
        _write(path, content)
        return path

    def judge(
        self, proof: bytes, content: bytes | None = None, stamps: StampJudge | None = None
    ) -> Verdict:
        """What a verifier says of a proof and a file, here and now."""
        parsed = parse_proof(proof)
        return verify_proof(parsed, self._trust, verify, content, wall_ms(), stamps=stamps)

    # Documents and events, of which every story has some.

    def paper(self, name: str, kind: str, about: Sequence[str] = ()) -> CallSpec:
        """The call that registers a document of a kind, about records or texts."""
        args = {
            "id": name,
            "digest": self.digest(name),
            "kind": kind,
            "media_type": "application/pdf",
            "about": [*about],
        }
        return ("doc", "register", args)

    def event(self, **fields: object) -> tuple[CallSpec, str]:
        """The call that captures an EPCIS event of these fields, and the event's id.

        ``type`` is ObjectEvent and ``action`` OBSERVE unless they are given; time is now. A
        field that is None is left out.
        """
        written = {
            "type": "ObjectEvent",
            "eventTime": iso(self.now),
            "eventTimeZoneOffset": "+08:00",
            "action": "OBSERVE",
            **fields,
        }
        given = {name: value for name, value in written.items() if value is not None}
        text = json.dumps(given, ensure_ascii=False).encode()
        return ("trace", "capture", {"event": text}), read_event(text).id

    def _work(self, calls: Sequence[CallSpec], signers: Sequence[Signer]) -> Work:
        keys = [
            one if isinstance(one, SigningKey) else self._keys.desk(self.of(one)) for one in signers
        ]
        return Work(calls, keys)

    def _labelled(self, key: SigningKey, label: str) -> SigningKey:
        """The key; lines name who signed with it."""
        self._labels[key.public] = label
        return key

    def _done(self, text: str, receipt: Receipt, signers: Sequence[Signer]) -> None:
        who = self._names(signers)
        if receipt.code != OK:
            said = _said(receipt.error_fields())
            raise self._failed(f"{who}: {text}: refused, {receipt.code}: {said}")
        records = [change.key for call in receipt.calls for change in call.records]
        self.account.steps.append(
            {
                "who": who,
                "text": text,
                "tx_id": receipt.tx_id.hex(),
                "height": receipt.height,
                "records": records,
            }
        )
        self._say(f"{who}: {text}", receipt)

    def _names(self, signers: Sequence[Signer]) -> str:
        names = (
            self.of(one) if isinstance(one, Organisation) else self._labels.get(one.public, "key")
            for one in signers
        )
        return " + ".join(dict.fromkeys(names))

    def _say(self, text: str, receipt: Receipt | None = None) -> None:
        number = len(self.account.steps) + len(self.account.refused)
        where = ""
        if receipt is not None:
            where = f"  tx {receipt.tx_id.hex()[:SHORT]}  height {receipt.height}"
        self._tell(f"{self.story.name:<10} {number:>3}  {text}{where}")

    def _keep(self, name: str, content: bytes) -> Path:
        """Write a proof, once it holds."""
        verdict = self._verdict(content)
        if verdict.exit_code:
            raise self._failed(f"the proof of {name} does not hold: {verdict.to_json()}")
        path = self.folder / f"{len(self.account.proofs) + 1:02d}-{_slug(name)}.proof.json"
        _write(path, content)
        self.account.proofs.append(str(path))
        return path

    def _keep_refusal(self, what: str, receipt: Receipt) -> Path:
        """Write the proof of a refusal and its receipt for reading.

        `hansa verify` says of it what it is: everything holds, and the transaction changed
        nothing. That one line is bad news for whoever shows it, and so it must be here.
        """
        content = self.wire.client.proof_tx(receipt.tx_id)
        turned = self._verdict(content).failed
        if turned != ("on_chain",):
            raise self._failed(f"the proof of the refusal does not hold: {turned}: {what}")
        folder = self.folder / REFUSED_FOLDER
        folder.mkdir(exist_ok=True)
        name = f"{len(self.account.refused) + 1:02d}-{receipt.code.lower()}-{_slug(what)}"
        path = folder / f"{name}.proof.json"
        _write(path, content)
        _write(folder / f"{name}.receipt.json", _receipt_json(receipt))
        return path

    def _verdict(self, content: bytes) -> Verdict:
        return self.judge(content)

    def _failed(self, why: str) -> StoryFailed:
        number = len(self.account.steps) + len(self.account.refused) + 1
        return StoryFailed(f"{self.story.name}, step {number}: {why}")


def perform(stage: Stage) -> Account:
    """Play a story to its end; the account says how it went."""
    with _failure(stage.account):
        stage.folder.mkdir(parents=True, exist_ok=True)
        stage.story.play(stage)
        played = {str(one["what"]): str(one["code"]) for one in stage.account.refused}
        if played != dict(stage.story.frauds):
            raise StoryFailed(
                f"{stage.story.name}: frauds {sorted(played)} were played, "
                f"{sorted(stage.story.frauds)} are the story's"
            )
    return stage.account


@contextmanager
def _failure(account: Account) -> Iterator[None]:
    try:
        yield
    except StoryFailed as error:
        account.failure = str(error)
    except HansaError as error:
        account.failure = f"{error.code}: {error.detail}"


def _slug(name: str) -> str:
    """A name of a file."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:FILE_NAME_MAX].strip("-")


def _said(fields: Mapping[str, Value]) -> str:
    """What a refusal says, in one line."""
    plain = _plain(fields)
    return "  ".join(f"{name}={plain[name]}" for name in SHOWN if name in plain)


def _plain(fields: Mapping[str, Value]) -> dict[str, object]:
    """Fields as JSON has them: bytes as hex."""
    return {name: _plain_value(value) for name, value in fields.items()}


def _plain_value(value: Value) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return _plain(value)
    if isinstance(value, list):
        return [_plain_value(one) for one in value]
    return value


def _receipt_json(receipt: Receipt) -> bytes:
    written = {
        "tx_id": receipt.tx_id.hex(),
        "tx_hash": receipt.tx_hash.hex(),
        "height": receipt.height,
        "index": receipt.index,
        "code": receipt.code,
        "failed_call": receipt.failed_call,
        "error": _plain(receipt.error_fields()),
    }
    return json.dumps(written, ensure_ascii=False, indent=2).encode() + b"\n"


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(content)
    beside.replace(path)


def iso(time_ms: int) -> str:
    """ISO 8601 in the time zone of the events, to the millisecond."""
    return datetime.fromtimestamp(time_ms // 1_000, CHINA).strftime(
        f"%Y-%m-%dT%H:%M:%S.{time_ms % 1_000:03d}+08:00"
    )
