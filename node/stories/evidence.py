"""Evidence: a shop page that copies a brand is captured, signed, stamped and shown to a court.

在线诉讼规则 16 to 19; 互联网法院规定 11; ISO 28500 (WARC); RFC 3161.
"""

import json
import struct
import uuid
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hansa.hashing import sha256
from hansa.proof import with_extras
from hansa.proof_lines import OK
from hansa.timestamp_check import Authorities
from node.stories.acting import Act, acts, issue
from node.stories.cast import BANK, COURT, INSPECTOR, ROASTERY
from node.stories.offices import NOTARY, PLATFORM, STAMPER
from node.stories.stage import MINUTE_MS, Stage, Story
from node.stories.tsa import Authority
from node.stories.wire import CallSpec

OWN_WITNESS = "the collector names itself as the platform that witnesses its capture"
OUTSIDER = "a bank signs the capture in the notary's place"
OTHER_TOKEN = "a time-stamp over the altered file is put on the capture"  # noqa: S105 - no password
CASE = "（2026）京0491民初00001号"  # noqa: RUF001 - as courts write it
ADDRESS = "https://shop.example/item/7"
OWNER, COLLECTOR = ROASTERY, INSPECTOR
WIDTH, HEIGHT = 96, 64
"""Pixels of the screenshot."""
FLIPPED = 1_000
"""Which bit of the web archive is turned afterwards: one in the page's text."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What was captured: the files, and ids of the records about them.

    Attributes:
        archive: the web archive, the exhibit.
        screenshot, log: the other files.
        document: id of the exhibit's document.
        log_document: id of the log's.
        record: id of the evidence.
    """

    archive: bytes
    screenshot: bytes
    log: bytes
    document: str
    log_document: str
    record: str


def play(stage: Stage) -> None:
    """Tell it."""
    capture = _capture(stage)
    _register(stage, capture)
    _sign(stage, capture)
    authority, token = _stamp(stage, capture)
    stage.do(
        f"shows the capture in case {CASE}",
        [
            (
                "doc",
                "exhibit",
                {"id": capture.document, "case_no": CASE, "to_org": stage.of(COURT)},
            ),
            *acts(capture.record, 4, Act("exhibit", {"case_no": CASE})),
        ],
        OWNER,
    )
    _verify(stage, capture, authority, token)
    stage.prove("the evidence", f"asset/record/{capture.record}")


def _capture(stage: Stage) -> Capture:
    """The bytes of the page, as a browser of the inspection body found them."""
    page = (
        "<!doctype html><meta charset=utf-8><title>Coffee 250 g</title><h1>上海烘焙厂 250 g</h1>"
        f"<p>GTIN 09520600001012, 19.90 CNY, offer {stage.tag}; not made by the roastery.</p>"
    ).encode()
    moment = datetime.fromtimestamp(stage.now // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    archive = _warc(page, moment)
    screenshot = _png(page)
    log = json.dumps(
        {
            "address": ADDRESS,
            "resolved": "192.0.2.7",
            "steps": ["clean profile", "clock compared", "page opened", "page archived"],
            "archive": sha256(archive).hex(),
            "screenshot": sha256(screenshot).hex(),
            "at": moment,
        },
        ensure_ascii=False,
        indent=1,
    ).encode()
    stage.file("capture.warc", archive)
    stage.file("capture.png", screenshot)
    stage.file("capture-log.json", log)
    stage.say(f"a browser archives {ADDRESS}: {len(archive)} bytes, a screenshot, a log")
    return Capture(
        archive, screenshot, log, stage.id("WEB"), stage.id("WEB-log"), stage.id("EVID")
    )  # fmt: skip


def _register(stage: Stage, capture: Capture) -> None:
    signers = [{"member": stage.of(one)} for one in (PLATFORM, NOTARY)]
    exhibit = {
        "id": capture.document,
        "digest": sha256(capture.archive),
        "size": len(capture.archive),
        "kind": "web_capture",
        "media_type": "application/warc",
        "signers_needed": signers,
        "threshold": 2,
        "about": [capture.record],
    }
    log = {
        "id": capture.log_document,
        "digest": sha256(capture.log),
        "size": len(capture.log),
        "kind": "capture_log",
        "media_type": "application/json",
        "about": [capture.record],
    }
    stage.do(
        f"register the capture {capture.record} with its log and the tool's digest",
        [
            ("doc", "register", exhibit),
            ("doc", "register", log),
            _evidence(stage, "EVID", capture, capture.archive, stage.of(PLATFORM)),
        ],
        OWNER,
        COLLECTOR,
    )
    again = _evidence(stage, "EVID2", capture, capture.screenshot, stage.of(COLLECTOR))
    stage.refused(OWN_WITNESS, "RULE", [again], OWNER, COLLECTOR)


def _sign(stage: Stage, capture: Capture) -> None:
    """Two organisations that are neither the owner nor the collector."""
    stage.do(
        "signs the capture as the platform",
        [
            ("doc", "sign", {"id": capture.document, "version": 1}),
            *acts(capture.record, 1, Act("sign")),
        ],
        PLATFORM,
    )
    stage.refused(
        OUTSIDER, "AUTH", [("doc", "sign", {"id": capture.document, "version": 2})], BANK
    )  # fmt: skip
    stage.do(
        "notarises the capture",
        [
            ("doc", "sign", {"id": capture.document, "version": 2}),
            *acts(capture.record, 2, Act("notarise")),
        ],
        NOTARY,
    )
    stage.check(
        stage.record("doc", capture.document)["state"] == "complete",
        "the capture is complete with two signatures of two organisations",
    )


def _stamp(stage: Stage, capture: Capture) -> tuple[Authority, bytes]:
    """A token of RFC 3161 by an authority that is none of those who signed."""
    authority = Authority(f"time-stamps of {stage.of(STAMPER)}", stage.now)
    forged = authority.stamp(sha256(_altered(capture)), stage.now - MINUTE_MS)
    stamp = {"id": capture.document, "token_der": forged}
    stage.refused(OTHER_TOKEN, "RULE", [("doc", "stamp", stamp)], OWNER)
    token = authority.stamp(sha256(capture.archive), stage.now - MINUTE_MS)
    paper = {
        "id": stage.id("TOKEN"),
        "digest": sha256(token),
        "size": len(token),
        "kind": "rfc3161_token",
        "media_type": "application/timestamp-reply",
        "about": [capture.record],
    }
    stage.do(
        "put the authority's time-stamp on the capture",
        [
            ("doc", "stamp", {"id": capture.document, "token_der": token}),
            ("doc", "register", paper),
            *acts(capture.record, 3, Act("stamp", evidence=[stage.id("TOKEN")])),
        ],
        OWNER,
        STAMPER,
    )
    stage.file("authority.der", authority.certificate)
    stage.file("capture.tst", token)
    return authority, token


def _verify(stage: Stage, capture: Capture, authority: Authority, token: bytes) -> None:
    """What the court's verifier says of the file, and of the file with one bit turned."""
    proof = with_extras(
        stage.wire.client.proof_state(f"doc/record/{capture.document}"), tokens=[token]
    )  # fmt: skip
    stamps = Authorities([authority.certificate]).check
    good = stage.judge(proof, capture.archive, stamps)
    stage.check(not good.failed and good.content.verdict == OK, "the file is the one on record")
    stage.check(good.time.verdict == OK, "the time-stamp is that of an authority the court trusts")
    bad = stage.judge(proof, _altered(capture), stamps)
    stage.check(bad.failed == ("content",), "the altered file differs, and nothing else is wrong")
    stage.check(bad.on_chain.verdict == OK, "the chain's record of the real file is still valid")
    stage.leave("the capture with its time-stamp", proof)
    stage.file("capture-altered.warc", _altered(capture))
    stage.warn(f"one bit turned: content: {bad.content.text}; on chain: {bad.on_chain.text}")


def _evidence(stage: Stage, name: str, capture: Capture, content: bytes, platform: str) -> CallSpec:
    """The call that registers a file of the capture as evidence, witnessed by a platform."""
    tool = Path(__file__).read_bytes()
    body = {
        "digest": sha256(content).hex(),
        "size": len(content),
        "media_type": "application/warc",
        "owner": stage.of(OWNER),
        "collector": stage.of(COLLECTOR),
        "platform": platform,
        "tool": "hansa story evidence 1",
        "tool_digest": sha256(tool).hex(),
        "environment": stage.digest("the check of the machine before the capture").hex(),
        "capture_log": sha256(capture.log).hex(),
        "started_at": stage.now - 2 * MINUTE_MS,
        "ended_at": stage.now - MINUTE_MS,
        "url": ADDRESS,
        "address": "192.0.2.7",
        "screenshot": sha256(capture.screenshot).hex(),
        "archive": sha256(capture.archive).hex(),
    }
    return issue(
        stage.id(name), "evidence.web@1", body, [capture.log_document], controller=stage.of(OWNER)
    )


def _altered(capture: Capture) -> bytes:
    """The archive with one bit of its last kilobit turned."""
    bent = bytearray(capture.archive)
    bent[-FLIPPED // 8] ^= 1
    return bytes(bent)


def _warc(page: bytes, moment: str) -> bytes:
    """One response in a web archive (ISO 28500, WARC/1.1)."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page
    head = (
        "WARC/1.1\r\nWARC-Type: response\r\n"
        f"WARC-Target-URI: {ADDRESS}\r\nWARC-Date: {moment}\r\n"
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, sha256(answer).hex())}>\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(answer)}\r\n\r\n"
    )
    return head.encode() + answer + b"\r\n\r\n"


def _png(page: bytes) -> bytes:
    """A picture of the page: its bytes as shades of grey, which is all that a story can draw."""
    shades = (page * (WIDTH * HEIGHT // len(page) + 1))[: WIDTH * HEIGHT]
    rows = b"".join(
        b"\0" + shades[row * WIDTH : (row + 1) * WIDTH] for row in range(HEIGHT)
    )  # fmt: skip
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


STORY = Story(
    name="evidence",
    title={"zh": "网页取证", "en": "A shop page as evidence in court"},
    organisations=(OWNER, COLLECTOR, PLATFORM, NOTARY, STAMPER, COURT, BANK),
    profiles=("evidence.web@1",),
    accredited=(("notary", NOTARY), ("tsa", STAMPER)),
    frauds={OWN_WITNESS: "RULE", OUTSIDER: "AUTH", OTHER_TOKEN: "RULE"},
    play=play,
)
