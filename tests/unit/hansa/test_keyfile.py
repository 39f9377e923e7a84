"""Key files: made once, opened by their passphrase alone, not to be passed off."""

import json
import resource

import pytest

from hansa.errors import Rejected
from hansa.keyfile import (
    KEY_FILE_BYTES_MAX,
    create_dev_key_file,
    create_key_file,
    open_key_file,
    read_public_key,
)
from hansa.keys import public_key_text
from hansa.signing import SigningKey

KEY = SigningKey(bytes(range(32)))
WORDS = "correct horse"
FROZEN = """{
  "format": "hansa-key/1",
  "purpose": "validator",
  "public": "ed25519:03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
  "kdf": {
    "name": "argon2id13",
    "operations": 2,
    "memory_bytes": 67108864,
    "salt": "ee08a9a72b9f68c246b2ccf9b7a1f03d"
  },
  "nonce": "5b5f3a481a51bc6a218879912d1f15e7b33db255b7eb9e87",
  "box": "66011a7909d8e5f389fec1b030e38eb63e5928d46ba15fc775fa3be18f684f710308ea93c8d1283245e7\
02f89ba73fb96ef46097d280b1e51a85f3953ffe5ac6e10780157a40588482cb964f670e7f3d"
}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "made.json"
    create_key_file(path, KEY, "validator", WORDS, strength="interactive")
    return path.read_text()


@pytest.fixture
def path(tmp_path, made):
    """A fresh copy of an encrypted key file."""
    copy = tmp_path / "key.json"
    copy.touch(mode=0o600)
    copy.write_text(made)
    return copy


def change(path, **fields):
    document = json.loads(path.read_text())
    document.update(fields)
    path.write_text(json.dumps(document))


def test_a_key_comes_back_with_its_passphrase(path):
    opened = open_key_file(path, WORDS)

    assert (opened.key.seed, opened.purpose, opened.dev) == (KEY.seed, "validator", False)
    assert read_public_key(path) == (KEY.public, "validator", False)
    assert KEY.seed.hex() not in path.read_text()


def test_a_file_made_long_ago_still_opens(path):
    """A change of the format needs a new version in docs/spec/keyfile.md."""
    path.write_text(FROZEN)

    assert open_key_file(path, WORDS).key.seed == KEY.seed


def test_the_file_is_for_its_owner_alone(tmp_path):
    create_dev_key_file(tmp_path / "key.json", KEY, "user")

    assert (tmp_path / "key.json").stat().st_mode & 0o777 == 0o600


def test_a_passphrase_has_one_spelling(tmp_path):
    """The same letters, composed or not, open the file."""
    create_key_file(tmp_path / "k", KEY, "user", "Z\u00fcrich", strength="interactive")

    assert open_key_file(tmp_path / "k", "Zu\u0308rich").key.public == KEY.public


@pytest.mark.slow
def test_the_default_cost_is_moderate(tmp_path):
    create_key_file(tmp_path / "k", KEY, "member", WORDS)

    assert json.loads((tmp_path / "k").read_text())["kdf"]["memory_bytes"] == 256 * 2**20
    assert open_key_file(tmp_path / "k", WORDS).purpose == "member"


def test_a_development_key_stands_open_and_says_so(tmp_path):
    create_dev_key_file(tmp_path / "k", KEY, "transport")

    assert open_key_file(tmp_path / "k").dev is True
    assert json.loads((tmp_path / "k").read_text()) == {
        "format": "hansa-key/1",
        "purpose": "transport",
        "public": public_key_text(KEY.public),
        "dev": True,
        "seed": KEY.seed.hex(),
    }


def test_a_key_is_never_overwritten(path, made):
    with pytest.raises(Rejected, match=r"key\.exists"):
        create_key_file(path, SigningKey(bytes(32)), "member", WORDS, strength="interactive")
    with pytest.raises(Rejected, match=r"key\.exists"):
        create_dev_key_file(path, SigningKey(bytes(32)), "member")

    assert path.read_text() == made


def test_what_could_not_be_written_leaves_no_file(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        create_dev_key_file(tmp_path / "absent" / "k", KEY, "user")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_files():
    """No file may grow beyond 100 bytes: what a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_leaves_no_half_key(tmp_path, small_files):
    with pytest.raises(OSError, match="too large"):
        create_dev_key_file(tmp_path / "k", KEY, "user")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("wrong horse", "the passphrase does not open"),
        (None, "is encrypted"),
        ("", "is encrypted"),
    ],
)
def test_without_the_passphrase_nothing_opens(path, given, words):
    with pytest.raises(Rejected, match=words) as caught:
        open_key_file(path, given)
    assert caught.value.code == "key.passphrase"
    assert caught.value.hint


def test_an_empty_passphrase_protects_nothing(tmp_path):
    with pytest.raises(Rejected, match="the passphrase is empty"):
        create_key_file(tmp_path / "k", KEY, "member", "")


@pytest.mark.parametrize(
    ("kdf", "words"),
    [
        ({"operations": 1}, "1 passes"),
        ({"operations": 10**9}, "1000000000 passes"),
        ({"memory_bytes": 2**40}, "over 1099511627776 bytes"),
        ({"memory_bytes": 8192}, "over 8192 bytes"),
    ],
)
def test_a_file_cannot_stall_us_or_be_cheap_to_guess(path, kdf, words):
    before = json.loads(path.read_text())["kdf"]
    change(path, kdf=before | kdf)

    with pytest.raises(Rejected, match=words) as caught:
        open_key_file(path, WORDS)
    assert caught.value.code == "key.kdf"


@pytest.mark.parametrize(
    "fields", [{"purpose": "member"}, {"public": public_key_text(SigningKey(bytes(32)).public)}]
)
def test_a_key_cannot_be_passed_off_as_another(path, fields):
    change(path, **fields)

    with pytest.raises(Rejected, match=r"key\.mismatch"):
        open_key_file(path, WORDS)


def test_an_open_seed_must_fit_its_public_key(tmp_path):
    create_dev_key_file(tmp_path / "k", KEY, "user")
    change(tmp_path / "k", seed=bytes(32).hex())

    with pytest.raises(Rejected, match=r"key\.mismatch"):
        open_key_file(tmp_path / "k")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"format": "hansa-key/2"}, "format 'hansa-key/2'"),
        ({"purpose": "fun"}, "purpose"),
        ({"more": 1}, "more"),
        ({"nonce": "00"}, "1 bytes instead of 24"),
        ({"nonce": "zz"}, "non-hexadecimal"),
        ({"box": None}, "0 bytes instead of 80"),
        ({"kdf": None}, "neither encrypted"),
        ({"dev": True}, "0 bytes instead of 32"),
    ],
)
def test_a_malformed_file_says_why(path, fields, words):
    change(path, **fields)

    with pytest.raises(Rejected, match=words) as caught:
        open_key_file(path, WORDS)
    assert caught.value.code == "key.malformed"


def test_the_salt_is_checked_before_it_is_used(path):
    kdf = json.loads(path.read_text())["kdf"]
    change(path, kdf=kdf | {"salt": "00"})

    with pytest.raises(Rejected, match="1 bytes instead of 16"):
        open_key_file(path, WORDS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"{", "truncated"),
        (b"\xff", "no key file"),
        (b" " * (KEY_FILE_BYTES_MAX + 1), "larger than"),
    ],
)
def test_what_is_no_key_file_is_refused(path, text, words):
    path.write_bytes(text)

    with pytest.raises(Rejected, match=words):
        read_public_key(path)


def test_a_file_that_others_may_read_is_refused(path):
    path.chmod(0o640)

    with pytest.raises(Rejected, match="mode 640") as caught:
        open_key_file(path, WORDS)
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(Rejected, match=r"key\.missing") as caught:
        open_key_file(tmp_path / "absent", WORDS)
    assert "hansa key new" in caught.value.hint
