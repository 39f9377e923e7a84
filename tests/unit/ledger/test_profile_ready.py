"""The ready profiles: every transition is reached, and every rule of each refuses."""

from dataclasses import replace

import msgspec
import pytest

from ledger.contract import Signer
from ledger.machine import sentences, transition
from tests.unit.ledger.profile_scene import NAMES, broken, moments, ready, refusal, written

BY_DEFAULT = {
    "no_encumbrance": "HELD", "pledgee_signed": "HELD", "unique": "DUPLICATE",
    "consent_for": "CONSENT",
}  # fmt: skip
"""Codes of guards that are about something with a code of its own; RULE for all others."""
LISTED = (
    "gs1.item", "gs1.lot", "gs1.sscc", "tag.scan", "dcsa.ebl", "ubl.waybill", "ubl.pod",
    "ubl.order", "recon.threeway", "recon.bank", "warehouse.stock", "warehouse.receipt",
    "scf.voucher", "credit.record", "id.person", "id.org", "evidence.file", "evidence.web",
    "city.case", "gov.dataset", "gov.share", "data.lineage", "ai.round", "ai.model",
    "labour.contract", "labour.attendance", "labour.payperiod", "cold.chain",
)  # fmt: skip
WORLD = {name: (ready(name), moments(name)) for name in NAMES}
ROWS = [
    pytest.param(profile, row, found, id=f"{name}-{row.action}-{row.to or 'stays'}-{number}")
    for name, (profile, found) in WORLD.items()
    for number, row in enumerate(profile.transitions)
]
GUARDS = [
    pytest.param(profile, row, guard, found, id=f"{name}-{guard.rule}")
    for name, (profile, found) in WORLD.items()
    for row in profile.transitions
    for guard in row.guards
]
STRANGER = Signer(b"", "", "stranger", "stranger/app", ())


def at(found, row):
    """The first moment at which a transition was carried out."""
    return next(one.situation for one in found if one.row == row)


def without(situation, member):
    signers = tuple(one for one in situation.signers if one.member != member)
    return replace(situation, signers=signers or (STRANGER,))


def test_the_ready_profiles_are_those_of_the_plan():
    assert sorted(LISTED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_named_after_its_profile(name):
    assert (written(name)["name"], written(name)["version"]) == (name, 1)


@pytest.mark.parametrize("name", NAMES)
def test_every_transition_of_a_ready_profile_is_reached(name):
    profile, found = WORLD[name]

    assert [row for row in profile.transitions if not any(one.row == row for one in found)] == []


@pytest.mark.parametrize(("profile", "row", "guard", "found"), GUARDS)
def test_every_guard_refuses_when_what_it_looks_at_changes(profile, row, guard, found):
    answers = [
        refusal(profile, row.action, situation)
        for moment in found
        if moment.row == row
        for situation in broken(profile, row, guard, moment.situation)
    ]

    codes = {code for code, fields in answers if fields.get("rule") == guard.rule}
    assert codes == {BY_DEFAULT.get(guard.name, "RULE")}


@pytest.mark.parametrize(("profile", "row", "found"), ROWS)
def test_an_action_is_refused_to_strangers(profile, row, found):
    situation = replace(at(found, row), signers=(STRANGER,))

    anyone = any(
        role == "anyone" or (role in profile.roles and profile.roles[role].kind == "anyone")
        for role in row.by
    )
    code, _ = refusal(profile, row.action, situation)
    assert (code != "AUTH") == anyone


@pytest.mark.parametrize(("profile", "row", "found"), ROWS)
def test_the_clock_does_only_what_the_clock_may(profile, row, found):
    situation = replace(at(found, row), signers=())

    code, _ = refusal(profile, row.action, situation)
    assert (code == "AUTH") == ("clock" not in row.by)


COSIGNED = [one for one in ROWS if one.values[1].cosign]


@pytest.mark.parametrize(("profile", "row", "found"), COSIGNED)
def test_an_action_is_refused_without_a_cosigner(profile, row, found):
    situation = at(found, row)
    actor, *others = dict.fromkeys(one.member for one in situation.signers)

    code, _ = refusal(profile, row.action, without(situation, (others or [actor])[-1]))
    assert code in {"SIGN", "AUTH"}


NEEDING = [one for one in ROWS if one.values[1].need]


@pytest.mark.parametrize(("profile", "row", "found"), NEEDING)
def test_an_action_is_refused_without_its_papers(profile, row, found):
    situation = at(found, row)
    bare = msgspec.structs.replace(situation.facts, docs=(), events=())

    code, fields = refusal(profile, row.action, replace(situation, facts=bare))
    assert (code, fields["need"]) == ("LINK", row.need[0])


@pytest.mark.parametrize(("profile", "row", "found"), ROWS)
def test_an_action_is_refused_from_an_end(profile, row, found):
    situation = replace(at(found, row), state=profile.final[0])

    assert refusal(profile, row.action, situation)[0] == "STATE"


def test_nobody_but_the_worker_changes_the_account_for_the_wages():
    profile, found = WORLD["labour.contract"]
    row = next(one for one in profile.transitions if one.action == "change_account")
    situation = at(found, row)
    worker = next(one for one in situation.signers if one.member == "wallet")
    employer = Signer(b"", "", "sub", "sub/app", ())

    assert transition(profile, row.action, replace(situation, signers=(worker,))).changes
    code, fields = refusal(profile, row.action, replace(situation, signers=(employer,)))
    assert (code, fields["need"], fields["members"]) == ("SIGN", "agent", ["wallet"])


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", NAMES)
def test_every_rule_of_a_ready_profile_is_a_sentence(name, language):
    profile = WORLD[name][0]
    said = sentences(profile, language)

    rules = sum(1 + len(row.need) + len(row.guards) + len(row.steps) for row in profile.transitions)
    keys = len(profile.unique) + len(profile.encumbrances) + len(profile.timers)
    divisible = profile.quantity is not None and profile.quantity.divisible
    assert len(said) == 1 + rules + keys + divisible
    assert all(line.endswith("。" if language == "zh" else ".") for line in said)
