"""Proof files of every kind, good and bad, for two verifiers that must say the same of each.

Real ones come from a chain in one process (`node.testing.LocalChain`), those that need a free hand
over headers, votes and the validator set from `tests.unit.hansa.proof_scene`.
"""

import base64
import json
import random
from dataclasses import dataclass

from hansa.canonical_json import dumps
from hansa.certificate import FreshCertificate, bitmap_of
from hansa.encoding import encode_value
from hansa.hashing import sha256
from hansa.keys import key_id
from hansa.votes import fresh_statement
from node.proofs import state_proof, transaction_proof
from node.testing import LocalChain
from tests.unit.hansa import proof_scene as scene

CONTENT = b"Dear roastery, 40 bags"
EVENT = {
    "type": "ObjectEvent",
    "eventTime": "2025-11-22T11:00:00.5+01:00",
    "eventTimeZoneOffset": "+01:00",
    "action": "OBSERVE",
    "epcList": ["https://id.gs1.org/01/04012345000016/21/a"],
    "example:weight": 60.50,
}
CONTEXT = {"example": "https://ns.example.org/"}
EVENT_TEXT = (
    b'{"@context":{"example":"https://ns.example.org/"},"type":"ObjectEvent",'
    b'"eventTime":"2025-11-22T11:00:00.5+01:00","eventTimeZoneOffset":"+01:00",'
    b'"action":"OBSERVE","epcList":["https://id.gs1.org/01/04012345000016/21/a"],'
    b'"example:weight":60.50,"example:small":1E-7,"example:large":1.5E+3}'
)


@dataclass(frozen=True)
class Case:
    """A proof, the reader's trust file, document and clock."""

    name: str
    proof: bytes
    trust: bytes
    content: bytes | None = None
    now_ms: int = scene.NOW


def fresh_of(chain, ledger, *, wait=3_000):
    """A quorum's word that nothing stands above the head, from the chain's own validators."""
    head, validators = ledger.head, ledger.validators
    signers = range(validators.quorum)
    times = tuple(head.time + wait + signer for signer in signers)
    signatures = tuple(
        chain.key(f"{validators.validators[signer].name}/validator").sign(
            fresh_statement(
                head.chain_id, head.height, head.hash, head.state_root, times[signer], signer
            )
        )
        for signer in signers
    )
    bitmap = bitmap_of(list(signers), validators.size)
    return FreshCertificate(head.height, head.hash, head.state_root, bitmap, times, signatures)


def lived():
    """A chain in whose life all applications met what can happen, and its transactions."""
    chain, found = LocalChain(), {}

    def submit(label, as_member, contract, method, cosigners=(), /, **args):
        receipt = chain.submit([(contract, method, args)], as_member, cosigners)
        found[label] = receipt.tx_id
        return receipt

    public = {name: chain.key(name).public for name in ("ana", "ben", "node9", "wire9")}
    key_of = {name: key_id(chain.key(name).public) for name in ("farm", "ana", "carrier")}
    submit("registered", "farm", "doc", "register", id="a", digest=sha256(CONTENT))
    submit("another", "farm", "doc", "register", id="b", digest=sha256(b"b"), alg="sha-256")
    submit("replaced", "farm", "doc", "supersede", id="a", version=1, new_id="b")
    places = [{"member": "farm"}, {"member": "carrier"}]
    digest = sha256(b"c")
    submit("open", "farm", "doc", "register", id="c", digest=digest, signers_needed=places,
           threshold=2)  # fmt: skip
    submit("two signers", "farm", "doc", "sign", ("carrier",), id="c", version=1)
    submit("refused", "carrier", "doc", "withdraw", id="c", version=9)
    submit("captured", "farm", "trace", "capture", event=EVENT_TEXT)
    submit("enrolled", "farm", "org", "enrol", ("ana",), subject="farm/ana", kind="person",
           key=public["ana"], roles=["admin"])  # fmt: skip
    submit("by a person", "ana", "doc", "register", id="d", digest=sha256(b"d"))
    since = chain.time - 2_000
    submit("key revoked", "farm", "org", "revoke_key", subject="farm/ana", key=key_of["ana"],
           compromised_since=since)  # fmt: skip
    node = {"validator_key": chain.key("node9/validator").public, "transport_key": public["wire9"]}
    submit("node", "farm", "org", "register_node", name="node9", **node)
    ballot = submit("ballot", "farm", "governance", "set_validators", add=["node9"])
    ballot_id = ballot.calls[0].value()["ballot"]
    for member in ("roastery", "carrier"):
        submit(f"vote of {member}", member, "governance", "vote", id=ballot_id, approve=True)
    assert chain.ledger.validators.size == 5
    submit("after the change", "farm", "doc", "register", id="e", digest=sha256(b"e"))
    submit("lapsing", "farm", "governance", "set_parameter", name="ballot.days", value=3)
    due = chain.advance(8 * 24 * 3_600_000)
    found["due"] = due[0].tx_id
    return chain, found


KEYS = (
    "doc/record/a", "doc/record/none", "org/member/farm", "org/node/node9", "trace/event/none",
    "governance/validators", "governance/ballot/none", "org/key/none", "é/ü", "nothing",
)  # fmt: skip


def real_cases():
    """Every transaction and some keys of a chain, with and without a document and freshness."""
    chain, found = lived()
    ledger, trust = chain.ledger, chain.trust()
    for fresh in (None, fresh_of(chain, ledger)):
        for name, tx_id in found.items():
            proof = transaction_proof(ledger, tx_id, fresh)
            for content in (None, CONTENT):
                yield Case(f"{name}, {fresh is not None}", proof, trust, content, chain.time + 5000)
        for key in KEYS:
            proof = state_proof(ledger, key, fresh)
            yield Case(f"{key}, {fresh is not None}", proof, trust, None, chain.time + 86_400_000)
    captured = transaction_proof(ledger, found["captured"], None)
    for content in documents():
        yield Case(f"captured, {content[:40]!r}", captured, trust, content)


def documents():
    """What a reader may hold as the recorded event: spelled otherwise, wrapped, or another."""
    text = EVENT_TEXT.decode()
    bare = text.replace('"@context":{"example":"https://ns.example.org/"},', "", 1)
    context = json.dumps({"@context": CONTEXT})[1:-1]
    listed = '{%s,"epcisBody":{"eventList":[%s]}}'
    single = '{%s,"epcisBody":{"event":%s}}'
    results = (
        '{%s,"epcisBody":{"queryResults":{"x:ignoreFields":["example:added"],'
        '"resultsBody":{"eventList":[%s]}}}}'
    )
    another = json.dumps(EVENT | {"eventTime": "2025-11-22T11:00:00Z"})
    added = bare[:-1] + ',"example:added":1}'
    texts = [
        text, text.replace('":', '" : '), text.replace("60.50", "60.5"), bare,
        listed % (context, bare), listed % (context, f"{bare},{another}"),
        single % (context, bare),
        results % (context, added), listed % (context, added), listed % (context, ""),
        listed % ('"x":1', text), f"[{text}]", f"[[{text},1],{another}]",
        f'{{"a":{text},"b":[{text}]}}', listed % (context, "1"), '{"epcisBody":3}',
        '{"epcisBody":{"queryResults":{"resultsBody":7}}}', '{"epcisBody":{"eventList":{}}}',
        text[:-1], text + "x", text[:-1] + ',"type":"ObjectEvent"}', "", "{}", "null", "1e999",
        text.replace("https:", "https\\u003a"), text.replace("OBSERVE", "ADD"),
        "[" * 5000, "[" * 70 + "]" * 70, '{"x":"\\ud800"}', "\ufeff" + text, "[01]", "[NaN]",
        listed % ('"x":1e9', text), text.replace("60.50", "6050e-2"),
        text.replace("60.50", "6050e9999999999999999999"),
    ]  # fmt: skip
    return [one.encode("utf-8") for one in texts] + [b"\xff{}", b"\0", CONTENT]


def scene_samples():
    """Proofs across a change of the set: name, world, file."""
    yield "document", *scene.transaction_sample()
    yield "capture", *scene.capture_sample()
    yield "refused", *scene.transaction_sample(code="AUTH")
    yield "not fresh", *scene.transaction_sample(fresh=False)
    yield "changed at its height", *scene.transaction_sample(change_at=4)
    for name, record in LATER.items():
        yield name, *scene.transaction_sample(later=[{"doc/record/contract-7": record}])
    for name, record in KEY_RECORDS.items():
        yield (
            name,
            *scene.transaction_sample(later=[{scene.signer_key(scene.SIGNER.public): record}]),
        )
    strangers = scene.register((scene.STRANGER, scene.SIGNER))
    yield "a stranger", *scene.transaction_sample(signed=strangers)
    yield "present", *scene.state_sample("doc/record/7")
    yield "absent", *scene.state_sample("doc/record/none", fresh=False)
    thing = scene.transaction_sample(
        key="trace/thing/01/1/21/2",
        later=[{"trace/thing/01/1/21/2": {"history": [[5, 3], [6, 0]], "state": "active"}}],
    )
    yield "a thing that moved", *thing


_KEY = {
    "member": "roastery", "public": scene.SIGNER.public, "subject": "roastery/office",
}  # fmt: skip
KEY_RECORDS = {
    "key ended": _KEY | {"valid_to": 6},
    "key too old": _KEY | {"valid_to": 5},
    "key too new": _KEY | {"valid_from": 6},
    "key compromised": _KEY | {"compromised_since": scene.START_MS},
    "key compromised at no date": _KEY | {"compromised_since": 2**62},
    "key compromised later": _KEY | {"compromised_since": scene.START_MS + 10**7},
    "key compromised before all": _KEY | {"compromised_since": -(10**17)},
    "key compromised: yes": _KEY | {"compromised_since": True, "valid_to": True},
    "key of another": _KEY | {"public": scene.STRANGER.public},
    "key of nobody": {"public": scene.SIGNER.public},
    "key of texts": _KEY | {"valid_from": "1", "member": 7, "subject": 7},
    "key no more": None,
    "key is no map": b"\x01",
    "key is no value": b"\xc1",
}
LATER = {
    "superseded": {"state": "superseded", "superseded_by": "contract-8"},
    "withdrawn": {"state": "withdrawn", "superseded_by": 8},
    "wrong": {"wrong": True, "reason": "incorrect_data"},
    "wrong without a reason": {"wrong": True},
    "changed": {"history": [[5, 3], [6, 1]]},
    "changed, with a state": {"history": [[5, 3], [6, 1]], "state": "complete"},
    "history of texts": {"history": [["6", 1]]},
    "history of nothing": {"history": []},
    "history of yes": {"history": [[True, 1]]},
    "removed": None,
    "no map": encode_value([1]),
    "no value": b"\xff",
}


def trusts(world):
    """Trust files that do not lead to the file, or that are none."""
    good = json.loads(world.trust().to_json())
    point = good["checkpoint"]

    def with_(**fields):
        return json.dumps(good | fields).encode()

    text = json.dumps(good)
    yield from {
        "later": world.trust(2).to_json(),
        "other chain": with_(chain_id="other"),
        "fewer": with_(validators=good["validators"][:3]),
        "epoch": with_(checkpoint=point | {"epoch": 9}),
        "genesis": with_(checkpoint=point | {"height": 1, "block_hash": "00" * 32}),
        "block": with_(checkpoint=point | {"height": 2, "block_hash": "00" * 32}),
        "line break": with_(checkpoint=point | {"block_hash": point["block_hash"] + "\n"}),
        "far": with_(checkpoint=point | {"height": 2**53 - 1}),
        "too far": with_(checkpoint=point | {"height": 2**53}),
        "negative": with_(checkpoint=point | {"height": -1}),
        "minus zero": text.replace('"height": 0', '"height": -0').encode(),
        "a fraction": text.replace('"height": 0', '"height": 0.0').encode(),
        "exponent": text.replace('"height": 0', '"height": 0e0').encode(),
        "other order": with_(validators=good["validators"][::-1]),
        "twice": with_(validators=[good["validators"][0]] * 2),
        "nobody": with_(validators=[]),
        "one key": with_(validators=[v | {"key": good["validators"][0]["key"]}
                                     for v in good["validators"]]),
        "capitals": with_(validators=[v | {"key": v["key"].upper()} for v in good["validators"]]),
        "no organisations": json.dumps({k: v for k, v in good.items() if k != "organisations"}),
        "no format": json.dumps({k: v for k, v in good.items() if k != "format"}),
        "no chain": json.dumps({k: v for k, v in good.items() if k != "chain_id"}),
        "other format": with_(format="hansa/trust@2"),
        "more": with_(more=1),
        "null title": with_(organisations=[{"name": "roastery", "title": None}]),
        "number known": with_(organisations=[{"name": "roastery", "legal_id": "LEI 1"}]),
        "control": with_(organisations=[{"name": "roastery", "title": "a\nb"}]),
        "title and a line break": with_(organisations=[{"name": "roastery", "title": "R\n"}]),
        "a long title": with_(organisations=[{"name": "roastery", "title": "😀" * 200}]),
        "too long a title": with_(organisations=[{"name": "roastery", "title": "😀" * 201}]),
        "no title": with_(organisations=[{"name": "roastery", "title": ""}]),
        "null organisations": with_(organisations=None),
        "doubled": text[:-1] + ', "chain_id": "hansa-test"}',
        "BOM": "\ufeff" + text,
        "UTF-16": text.encode("utf-16"),
        "surrogate": with_(organisations=[{"name": "roastery", "title": "\ud800"}]),
        "empty": b"",
        "a list": b"[]",
        "deep": b"[" * 300 + b"]" * 300,
        "large": text + " " * 2**20,
        "spaces": " " + text + "\n",
        "a name in capitals": with_(chain_id="Hansa"),
        "a long name": with_(chain_id="h" * 65),
    }.items()  # fmt: skip


def as_bytes(text):
    return text.encode() if isinstance(text, str) else text


def trust_cases():
    samples = {"document": scene.transaction_sample(), "state": scene.state_sample("doc/record/7")}
    for name, (world, proof) in samples.items():
        for what, trust in trusts(world):
            yield Case(f"{name}, trust {what}", proof, as_bytes(trust), scene.CONTENT)


def places_in(document, path=()):
    """The path of every value in a JSON document."""
    yield path
    members = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in members:
        if isinstance(value, dict | list):
            yield from places_in(value, (*path, name))
        else:
            yield (*path, name)


def at(document, path):
    for step in path:
        document = document[step]
    return document


def changed(data, path, value):
    """The canonical file with another value at a path."""
    document = json.loads(data)
    if not path:
        return dumps(value)
    at(document, path[:-1])[path[-1]] = value
    return dumps(document)


def bent(chance, old):
    """Something else in the place of a value, often of the same type."""
    options = [None, True, 0, 1, 2, -1, 2**53 - 1, "", "x", "a\n", [], {}, [old], {"version": 1}]
    if isinstance(old, str):
        options += [
            old + "=",
            old + "A",
            old[:-4],
            old + "AAAA",
            old.upper(),
            old + "\n",
            " " + old,
        ]
        options += [broken_bytes(chance, old)] * 6
    elif isinstance(old, int):
        options += [old + 1, old - 1, old * 2, float(old) + 0.5, str(old)]
    elif isinstance(old, list):
        options += [old[:-1], old[::-1], old + old, old[1:], old + old[:1]]
    elif isinstance(old, dict):
        short = dict(old)
        if short:
            short.pop(chance.choice(sorted(short)))
        options += [short, old | {"more": 1}, old | {"version": 2}]
    return chance.choice(options)


def broken_bytes(chance, text):
    """Base64 of the same bytes with one changed, added, doubled or lost."""
    try:
        raw = bytearray(base64.b64decode(text, validate=True))
    except ValueError:
        return text[::-1]
    if not raw:
        return "AA=="
    place = chance.randrange(len(raw))
    deed = chance.randrange(4)
    if deed == 0:
        raw[place] ^= 1 << chance.randrange(8)
    elif deed == 1:
        del raw[place]
    elif deed == 2:
        raw.insert(place, chance.randrange(256))
    else:
        raw[place] = chance.randrange(256)
    return base64.b64encode(bytes(raw)).decode()


def spoiled(data):
    """The text of a file spelled otherwise, cut, made large, with a name twice."""
    text = data.decode()
    document = json.loads(data)
    yield data[:-1]
    yield data[: len(data) // 2]
    yield data + b"\n"
    yield b" " + data
    yield json.dumps(document).encode()
    yield text.replace('{"', '{"chain_id":"hansa-test","', 1).encode()
    yield text.replace('"version":1', '"version":1.0', 1).encode()
    yield text.replace('"version":1', '"version":1,"version":1', 1).encode()
    yield text.replace('"kind"', '"\\u006bind"').encode()
    yield ("\ufeff" + text).encode()
    yield text.encode("utf-16")
    yield data.replace(b"hansa-test", b"hansa-\xff", 1)
    yield dumps(document | {"chain_id": "x" * (8 * 2**20)})
    yield b"[" * 100_000
    yield b'{"kind":"state"}'
    yield b'"transaction"'
    yield dumps(document | {"kind": "other"})
    yield dumps(document | {"changes": document["changes"] * 1_001})


def damaged_cases(count, seed=7):
    """Files with a part changed, or taken from another file of the same chain or another one."""
    chance = random.Random(seed)
    samples = list(scene_samples())
    for name, world, data in samples:
        yield Case(name, data, world.trust().to_json(), scene.CONTENT)
    for name, world, data in (samples[0], samples[-3]):
        for spoilt in spoiled(data):
            yield Case(f"{name}, {spoilt[:20]!r}", spoilt, world.trust().to_json())
    for _ in range(count):
        name, world, data = chance.choice(samples)
        document = json.loads(data)
        path = chance.choice(list(places_in(document)))
        if chance.random() < 0.3:
            other = json.loads(chance.choice(samples)[2])
            parts = [p for p in places_in(other) if p and p[-1] == (path or ("kind",))[-1]]
            value = at(other, chance.choice(parts)) if parts else None
        else:
            value = bent(chance, at(document, path))
        content = chance.choice([None, scene.CONTENT, b"another", scene.EVENT])
        try:
            proof = changed(data, path, value)
        except Exception:  # noqa: BLE001 - what has no canonical JSON is sent as it comes
            proof = json.dumps(value).encode()
        yield Case(f"{name}, {path}", proof, world.trust().to_json(), content)
