"""From the chain to a verifier without a network: what `cred` wrote is what `hansa.vc` reads."""

import pytest

from hansa.signing import SigningKey
from hansa.vc.chain import Accreditation, Logged, StatusList, Tile, read_state, status_in
from hansa.vc.check import Evidence, check_credential, credential_digest
from hansa.vc.data_integrity import sign_document
from hansa.vc.did_key import did_key
from hansa.vc.status_list import check_list, list_credential, says_the_same, status_entry
from tests.unit.ledger.cred_scene import CredScene
from tests.unit.ledger.scene import DAY, key

URL = "https://chain.example/status/r"
KEY: SigningKey = key("farm/app")
INDEX = 94_567


def read(scene, kind, name):
    return read_state(kind, scene.ledger.get_state(b"cred/" + name.encode()))


def tiles(scene):
    stored = scene.ledger.scan_state(b"cred/tile/r/")
    return {int(name.decode()[-4:], 16): read_state(Tile, value) for name, value in stored}


def licence(scene):
    """A signed credential that nobody but its holder has: the chain sees its digest."""
    document = {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://www.w3.org/ns/credentials/undefined-terms/v2",
        ],
        "type": ["VerifiableCredential", "Licence"],
        "issuer": did_key(KEY.public),
        "credentialSubject": {"name": "Ann"},
        "credentialStatus": status_entry(read(scene, StatusList, "list/r"), INDEX, URL),
    }
    return sign_document(document, KEY, scene.ledger.head.time)


def published(scene):
    now = scene.ledger.head.time
    record = read(scene, StatusList, "list/r")
    options = {"public": KEY.public, "url": URL, "valid_from": now, "valid_until": now + DAY}
    return sign_document(list_credential(record, tiles(scene), **options), KEY, now)


def check(scene, secured):
    known = Evidence(
        lists={URL: published(scene)},
        members={KEY.public: "farm"},
        logged=read(scene, Logged, "log/" + credential_digest(secured).hex()),
        accreditation=read(scene, Accreditation, "issuer/Licence/farm"),
    )
    return check_credential(secured, known, time=scene.ledger.head.time)


@pytest.fixture
def scene():
    made = CredScene()
    made.accredit()
    made.open_list()
    return made


def log(scene, secured):
    digest = credential_digest(secured)
    args = {"digest": digest, "index": INDEX, "status_list": "r", "type": "Licence"}
    scene.ok("cred", "log", args)


def revoke(scene):
    changes = [{"index": INDEX, "value": 1}]
    args = {"changes": changes, "list_id": "r", "reason_code": "withdrawn", "version": 1}
    scene.ok("cred", "status", args)


def test_a_credential_of_the_chain_passes_until_it_is_revoked(scene):
    secured = licence(scene)
    log(scene, secured)
    before = check(scene, secured)
    revoke(scene)
    after = check(scene, secured)

    assert before.passed
    assert (after.passed, after.withdrawn, after.signature, after.status) == (False, True, "", "")


def test_it_stays_good_when_its_issuer_loses_the_accreditation_later(scene):
    secured = licence(scene)
    log(scene, secured)
    scene.decide("disaccredit", {"issuer": "farm", "type": "Licence"})

    assert check(scene, secured).passed


def test_the_list_credential_is_the_state_and_one_tile_tells_one_status(scene):
    log(scene, licence(scene))
    revoke(scene)
    record = read(scene, StatusList, "list/r")
    [(number, tile)] = tiles(scene).items()

    checked = check_list(published(scene), time=scene.ledger.head.time)
    assert says_the_same(checked, record, tiles(scene))
    assert number == INDEX // 4096
    assert (status_in(tile, record, INDEX), status_in(tile, record, INDEX + 1)) == (1, 0)


def test_no_word_about_the_subject_is_on_the_chain(scene):
    secured = licence(scene)
    log(scene, secured)

    state = b"".join(value for _, value in scene.ledger.scan_state(b""))
    assert b"Ann" not in state
    assert secured["proof"]["proofValue"].encode() not in state
