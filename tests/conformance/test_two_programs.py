"""What two programs must say alike: the text of a number, and whether a signature holds."""

import json
import random
import struct
import subprocess
from hashlib import sha256, sha512

import nacl.bindings

from hansa.canonical_json import number_text
from hansa.signing import SigningKey, verify
from tests.programs import required
from tests.tidy.tree import ROOT

NUMBERS = 20_000
SECONDS_MAX = 120
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
ORDER_EIGHT = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL = [0, 1, P - 1, P, P + 1, ORDER_EIGHT, P - ORDER_EIGHT]
"""The y of points whose order is 1, 2, 4 or 8, canonical or not."""


def node(script, given):
    """What a JavaScript program answers to lines."""
    found = required("node", "nodejs", "Node.js 18 or newer says what JavaScript says")
    done = subprocess.run(
        [found, "--input-type=module", "-e", script],
        input=given, capture_output=True, text=True, timeout=SECONDS_MAX, check=True, cwd=ROOT,
    )  # fmt: skip
    return done.stdout.split("\n")[:-1]


def doubles(seed):
    """Finite doubles: every power of two and of ten with its neighbours, and some by chance."""
    chance = random.Random(seed)
    edges = [2.0**power for power in range(-1074, 1024)]
    edges += [float(f"1e{power}") for power in range(-323, 309)]
    bits = [struct.unpack(">Q", struct.pack(">d", one))[0] for one in edges]
    bits = [one + step for one in bits for step in (-1, 0, 1) if 0 <= one + step < 0x7FF << 52]
    bits += [chance.getrandbits(64) for _ in range(NUMBERS)]
    return [one for one in bits if one >> 52 & 0x7FF != 0x7FF]


def test_a_number_has_the_text_that_ecmascript_gives_it():
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails
    bits = doubles(seed)
    script = """
        import { readFileSync } from "node:fs";
        const view = new DataView(new ArrayBuffer(8));
        const text = (line) => (view.setBigUint64(0, BigInt(line)), String(view.getFloat64(0)));
        console.log(readFileSync(0, "utf8").trim().split("\\n").map(text).join("\\n"));
    """
    theirs = node(script, "\n".join(map(str, bits)))
    ours = [number_text(struct.unpack(">d", struct.pack(">Q", one))[0]) for one in bits]

    assert len(bits) > NUMBERS
    assert [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]] == []


def little(number, sign=0):
    return (number | sign << 255).to_bytes(32, "little")


def signatures(vectors):
    """(key of 33 bytes, message, signature): published ones, and those libraries differ about."""
    whole = json.loads((vectors / "ed25519" / "wycheproof.json").read_text())
    for group in whole["testGroups"]:
        for case in group["tests"]:
            parts = (group["publicKey"]["pk"], case["msg"], case["sig"])
            key, message, signature = map(bytes.fromhex, parts)
            yield b"\1" + key, message, signature
    signer = SigningKey(b"s" * 32)
    good = signer.sign(b"m")
    scalar = int.from_bytes(good[32:], "little")
    yield signer.public, b"m", good
    yield from ((signer.public, b"m", good[:32] + little(scalar + k * L)) for k in range(1, 8))
    yield from ((signer.public, b"m", little(y, s) + good[32:]) for y in SMALL for s in (0, 1))
    for y in [*SMALL, P + 2, P + 3, P + 18]:
        for sign in (0, 1):
            yield b"\1" + little(y, sign), b"m", good
            yield b"\1" + little(y, sign), b"m", little(1) + bytes(32)  # S = 0, R the neutral
    yield mixed_order(b"m")


def mixed_order(message):
    """A key with a part of order 2, under which S B = R + h A holds only times the cofactor."""
    secret = int.from_bytes(sha256(b"a").digest(), "little") % L
    nonce = int.from_bytes(sha256(b"r").digest(), "little") % L
    base = nacl.bindings.crypto_scalarmult_ed25519_base_noclamp
    half = little(P - 1)  # (0, -1), of order 2
    public = add(base(little(secret)), half)
    commitment = base(little(nonce))
    digest = sha512(commitment + public + message).digest()
    challenge = int.from_bytes(digest, "little") % L
    return b"\1" + public, message, commitment + little((nonce + challenge * secret) % L)


def add(one, other):
    """The sum of two points as Edwards has it; libsodium adds none of small order."""
    d = -121665 * pow(121666, -1, P) % P
    (x1, y1), (x2, y2) = point(one, d), point(other, d)
    k = d * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P
    return little(y, x & 1)


def point(raw, d):
    number = int.from_bytes(raw, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    square = (y * y - 1) * pow(d * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (x if x & 1 == sign else (P - x) % P), y


def test_every_verifier_says_the_same_of_a_signature(vectors):
    cases = list(signatures(vectors))
    script = """
        import { readFileSync } from "node:fs";
        globalThis.verifierImported = true;
        const { holds } = await import("./scripts/verify.mjs");
        for (const line of readFileSync(0, "utf8").trim().split("\\n")) {
          const [key, message, given] = line.split(",").map((hex) => Buffer.from(hex, "hex"));
          const sizes = key.length === 33 && given.length === 64; // the form of a proof says so
          console.log(sizes && holds(key, message, given) === true);
        }
    """
    lines = "\n".join(",".join(part.hex() for part in case) for case in cases)
    theirs = [answer == "true" for answer in node(script, lines)]
    ours = [verify(*case) for case in cases]

    assert [case for case, a, b in zip(cases, ours, theirs, strict=True) if a is not b] == []
    assert 0 < sum(ours) < len(cases)
