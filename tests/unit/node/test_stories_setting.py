"""What is made before a story begins, and by whose votes."""

import ast
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from hansa.client import Client
from hansa.errors import Rejected
from hansa.gs1 import has_valid_check_digit
from hansa.keyfile import open_key_file, read_public_key
from node.stories import cast, offices, stories
from node.stories.cast import BANK, FARM, INSPECTOR, TRADER, Organisation
from node.stories.keyring import Keyring
from node.stories.run import run
from node.stories.setting import Needs, prepare, ready_profile
from node.stories.wire import Wire, Work
from tests.integration.story_chain import story_network

USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
USCC_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
EVERYBODY = [
    one
    for module in (cast, offices)
    for one in vars(module).values()
    if isinstance(one, Organisation)
]


@pytest.fixture
def theatre(tmp_path):
    """A fresh network."""
    with story_network(tmp_path / "net") as found:
        yield found


def made(theatre, *organisations, profiles=(), accredited=()):
    """Prepare for a story that needs these."""
    keys = Keyring(theatre.home, development=True)
    with Client(theatre.api) as client:
        return prepare(Wire(client), keys, Needs(organisations, profiles, accredited))


def state(theatre, key):
    with Client(theatre.api) as client:
        return Wire(client).state(key)


@pytest.mark.parametrize("one", EVERYBODY, ids=lambda one: one.name)
def test_numbers_in_registers_carry_their_check_characters(one):
    if one.scheme == "USCC":
        total = sum(
            USCC_CHARACTERS.index(character) * weight
            for character, weight in zip(one.number, USCC_WEIGHTS, strict=False)
        )
        assert one.number[17] == USCC_CHARACTERS[(31 - total % 31) % 31]
    elif one.scheme == "LEI":
        assert int("".join(str(int(character, 36)) for character in one.number)) % 97 == 1
    else:
        assert (one.scheme, has_valid_check_digit(one.number)) == ("GLN", True)
    assert all(has_valid_check_digit(gln) for gln in one.glns)


def test_no_two_organisations_share_a_number_or_a_name():
    for values in (
        [one.number for one in EVERYBODY],
        [one.name for one in EVERYBODY],
        [gln for one in EVERYBODY for gln in one.glns],
    ):
        assert len(values) == len(set(values))


def test_new_members_are_voted_in_with_a_desk_and_known_ones_stay(theatre):
    prepared = made(theatre, FARM, BANK)

    assert prepared.members == {FARM: "farm", BANK: "bank"}
    assert prepared.made == ["bank admitted"]
    assert state(theatre, "org/member/bank")["names"] == {"zh": "示范银行", "en": "Demo bank"}
    assert state(theatre, "org/subject/bank/desk")["member"] == "bank"
    assert made(theatre, FARM, BANK).made == []


def test_profiles_and_accreditations_are_voted_in_once(theatre):
    needs = {"profiles": ("scf.voucher@1",), "accredited": (("lender", BANK),)}
    first = made(theatre, BANK, **needs)

    assert first.made[1:] == ["profile scf.voucher@1 put in force", "bank accredited as lender"]
    assert state(theatre, "profile/record/scf.voucher@1")["state"] == "published"
    assert made(theatre, BANK, **needs).made == []


def test_a_profile_that_waits_for_votes_gets_them(theatre):
    keys = Keyring(theatre.home, development=True)
    propose = ("profile", "propose", {"profile": dict(ready_profile("scf.voucher@1"))})
    with Client(theatre.api) as client:
        assert Wire(client).send(Work([propose], [keys.member("carrier")])).code == "OK"
    assert state(theatre, "profile/record/scf.voucher@1")["state"] == "proposed"

    made(theatre, FARM, profiles=("scf.voucher@1",))

    assert state(theatre, "profile/record/scf.voucher@1")["state"] == "published"


def test_members_who_came_later_vote_for_those_who_come_after_them(theatre):
    for one in (*EVERYBODY, replace(TRADER, name="late", number="91310000MADEM0151X")):
        made(theatre, one)

    voters = state(theatre, "org/member/late")
    assert voters["id"] == "late"


def test_who_finds_a_name_taken_by_somebody_else_gets_the_end_of_the_number_with_it(theatre):
    made(theatre, Organisation("bank", "OTHER", "ANOTHER-BANK", "另", "Another bank"))

    assert made(theatre, BANK).members[BANK] == "bank-0046f"


def test_with_too_few_keys_nothing_is_decided(theatre):
    for member in ("roastery", "carrier", "retailer"):
        shutil.rmtree(theatre.home / "members" / member)

    with pytest.raises(Rejected, match=r"a ballot needs 3 votes, keys of 1 members") as caught:
        made(theatre, BANK)
    assert caught.value.code == "story.votes"


def test_a_member_whose_key_is_elsewhere_cannot_play(theatre):
    made(theatre, BANK)
    shutil.rmtree(theatre.home / "members" / "bank")

    with pytest.raises(Rejected, match="nobody can sign as bank here") as caught:
        made(theatre, BANK)
    assert caught.value.code == "key.missing"


def test_there_is_no_profile_but_those_that_ship():
    assert ready_profile("scf.voucher@1")["name"] == "scf.voucher"
    for name in ("scf.voucher@2", "no.such@1"):
        with pytest.raises(Rejected) as caught:
            ready_profile(name)
        assert caught.value.code == "story.profile"


def test_keys_of_a_network_that_is_not_for_development_are_encrypted(tmp_path):
    own, desk = Keyring(tmp_path, development=False).make("bank")
    folder = tmp_path / "members" / "bank" / "keys"
    words = (folder / "passphrase").read_text().strip()

    assert read_public_key(folder / "member.json")[2] is False
    assert open_key_file(folder / "desk.json", words).key.public == desk.public
    assert (folder / "passphrase").stat().st_mode & 0o777 == 0o600
    assert Keyring(tmp_path, development=False).member("bank").public == own.public


def test_a_story_that_nobody_knows_is_named_with_those_there_are():
    with pytest.raises(Rejected) as caught:
        stories("nothing")
    assert "choose of:" in caught.value.hint


def test_a_story_goes_on_when_another_one_failed(theatre):
    good = stories("ebl")[0]
    bad = replace(good, name="bad", play=lambda stage: stage.record("asset", "nothing"))
    played = run(theatre, [bad, good])

    assert [bool(one.account.failure) for one in played] == [True, False]
    assert INSPECTOR.name == "inspector"


def test_two_runs_that_begin_at_once_on_a_fresh_network_both_go_as_told(theatre):
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(run, theatre, stories(name)) for name in ("ebl", "receipt")]
        played = [one for each in waiting for one in each.result()]

    assert {one.account.failure for one in played} == {""}


def test_the_stories_know_nothing_of_the_ledger():
    folder = Path(cast.__file__).parent
    found = {
        f"{path.name}: {name}"
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in _imported(node)
        if name.partition(".")[0] in {"ledger", "consensus", "p2p", "storage"}
    }

    assert found == set()


def _imported(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) else []
