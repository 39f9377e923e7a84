"""How many published cases come out as published: ``python tests/conformance/figures.py [FOLDER]``.

The folder is the one of docs/guides/conformance.md (default: `HANSA_VECTORS`, or
``../shared/vectors``). It may hold whole collections: every case that is there is run.
"""

import base64
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hansa.canonical_json import canonicalise
from hansa.epcis import event_prehash, events_of, read_event, read_json
from hansa.errors import Rejected
from hansa.merkle import verify_consistency, verify_inclusion
from hansa.signing import SigningKey, verify
from hansa.vc.agreement import agreement_key
from hansa.vc.data_integrity import verify_document
from hansa.vc.did_key import did_key, parse_did_key, verification_method
from hansa.vc.model import require_credential, require_presentation

Case = tuple[str, bool]
"""A name, and whether it came out as published."""
ISSUER = did_key(SigningKey(b"i" * 32).public)
DEPARTURES = frozenset({
    "credential-refresh-no-id-fail",  # section 5.4 of the standard asks for a type alone
    "credential-status-missing-id-fail",  # of version 1.1; section 4.10 makes the id optional
    "relatedResource-digest-sri-fail",  # only who fetches the resource can tell
})  # fmt: skip
"""Cases of W3C that are judged otherwise, and why."""


def holds(check: Callable[..., object], *args: Any) -> bool:
    """Whether a check does not refuse."""
    try:
        check(*args)
    except Rejected:
        return False
    return True


def merkle(folder: Path) -> Iterator[Case]:
    """RFC 9162 proofs: transparency-dev/merkle, ``testdata``."""
    for path in sorted(folder.rglob("*.json")):
        case = json.loads(path.read_text())
        proof = [base64.b64decode(one) for one in case["proof"] or ()]
        if "leafIdx" in case:
            leaf, root = (base64.b64decode(case[name] or "") for name in ("leafHash", "root"))
            good = holds(verify_inclusion, leaf, case["leafIdx"], case["treeSize"], proof, root)
        else:
            roots = [base64.b64decode(case[name] or "") for name in ("root1", "root2")]
            good = holds(verify_consistency, case["size1"], case["size2"], proof, *roots)
        yield str(path.relative_to(folder)), good is not case["wantErr"]


def jcs(folder: Path) -> Iterator[Case]:
    """RFC 8785: cyberphone/json-canonicalization, ``testdata``."""
    for path in sorted((folder / "input").glob("*.json")):
        wanted = (folder / "output" / path.name).read_bytes()
        yield path.name, canonicalise(path.read_bytes()) == wanted


def ed25519(folder: Path) -> Iterator[Case]:
    """RFC 8032: C2SP/wycheproof, ``ed25519_test.json``."""
    for path in sorted(folder.glob("*.json")):
        for group in json.loads(path.read_text())["testGroups"]:
            public = b"\x01" + bytes.fromhex(group["publicKey"]["pk"])
            for case in group["tests"]:
                good = verify(public, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
                yield f"{path.name} {case['tcId']}", good is (case["result"] == "valid")


def event_hashes(folder: Path) -> Iterator[Case]:
    """CBV 2.0 event hashes: RalphTro/epcis-event-hash-generator, ``tests/examples``."""
    for path in sorted(folder.glob("*.jsonld")):
        wanted = path.with_suffix(".hashes").read_text().split()
        found = [one.id for one in events_of(path.read_bytes())]
        for number, identifier in enumerate(wanted):
            yield f"{path.name} {number}", found[number : number + 1] == [identifier]


def epcis(folder: Path) -> Iterator[Case]:
    """EPCIS 2.0 documents: gs1/EPCIS, ``JSON``; each event is read again from its own text."""
    for path in sorted(folder.rglob("*.jsonld")):
        for event in events_of(path.read_bytes()):
            again = read_event(event.text) == event.event
            text = event_prehash(read_json(event.text, strict=True))  # type: ignore[arg-type]
            yield f"{path.name} {event.pointer}", again and bool(text)


def did(folder: Path) -> Iterator[Case]:
    """did:key: w3c-ccg/did-method-key; keys of other kinds are refused."""
    for path in sorted(folder.glob("*.json")):
        whole = json.loads(path.read_text())
        for name, case in whole.get("didDocument", whole).items():
            if not name.startswith("did:key:z6Mk"):
                yield name, not holds(parse_did_key, name)
                continue
            public = parse_did_key(name)
            written = case.get("didDocument", case)
            good = written["assertionMethod"][0] == verification_method(public)
            good &= written["keyAgreement"] == [f"{name}#{agreement_key(public)}"]
            yield name, good and did_key(public) == name


def data_integrity(folder: Path) -> Iterator[Case]:
    """Data Integrity: w3c/vc-di-eddsa; what another cryptosuite signed is refused."""
    for path in sorted(folder.rglob("signed*.json")):
        secured = json.loads(path.read_text())
        ours = isinstance(secured["proof"], dict)
        ours = ours and secured["proof"].get("cryptosuite") == "eddsa-jcs-2022"
        yield path.name, holds(verify_document, secured) is ours


def model(folder: Path) -> Iterator[Case]:
    """VC 2.0: w3c/vc-data-model-2.0-test-suite, ``tests/input``; names end in -ok or -fail."""
    for path in sorted(folder.rglob("*.json")):
        if path.stem in DEPARTURES or not path.stem.endswith(("-ok", "-fail")):
            continue
        document = json.loads(path.read_text())
        if "presentation" in path.stem:
            good = holds(require_presentation, document)
        else:
            # The suite's cases go to an issuer, which puts its name in.
            issued = document if "no-issuer" in path.stem else {"issuer": ISSUER} | document
            good = holds(require_credential, issued)
        yield path.name, good is path.stem.endswith("-ok")


COLLECTIONS: dict[str, Callable[[Path], Iterator[Case]]] = {
    "merkle": merkle, "jcs": jcs, "ed25519": ed25519, "epcis-hash": event_hashes, "epcis": epcis,
    "did-key": did, "eddsa-jcs-2022": data_integrity, "vc-data-model": model,
}  # fmt: skip
"""Name of the folder to what runs the cases in it."""


def main(folder: Path) -> int:
    """Print a line for each collection; 1 when a case did not come out."""
    wrong = 0
    for name, run in COLLECTIONS.items():
        cases = list(run(folder / name))
        bad = [case for case, good in cases if not good]
        wrong += len(bad)
        sys.stdout.write(
            f"{name:16}{len(cases):6} cases{len(bad):5} otherwise  {', '.join(bad[:5])}\n"
        )
    return min(wrong, 1)


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[2].parent
    default = os.environ.get("HANSA_VECTORS", str(root / "shared" / "vectors"))
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else default)))
