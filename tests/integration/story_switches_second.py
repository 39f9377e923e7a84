"""For each fraud of the stories of offices and laboratories: the one rule that stops it, off."""

from dataclasses import replace

from msgspec import structs

from hansa.timestamp import read_token
from ledger.contracts import cred, doc, grant, grant_rules, trace_runs
from ledger.machine import operands
from node.stories import ai, city, credit, evidence, labour, sharing
from tests.integration.story_chain import Switch, without_guards


class Anything(bytes):
    """A digest that is equal to every other."""

    __slots__ = ()
    __hash__ = bytes.__hash__

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


def token_over_anything(data):
    """A token whose imprint nobody compares."""
    return replace(read_token(data), imprint=Anything())


def yes(*given, **named):
    """In the place of a question: yes."""
    return True


def nothing(*given, **named):
    """In the place of a check: it finds nothing wrong."""


def consumer(*given):
    """Whoever comes is the one to whom the agreement was given."""
    return grant_rules.CONSUMER


def end_of_any_run(context, given, record, original=trace_runs._end):
    """A run ends, whether it ended before or not."""
    return original(context, given, structs.replace(record, state=trace_runs.STARTED))


def list_with_doubles(name, values, original=operands._list):
    """A list that grows by a word that is in it already."""
    if name == "with" and values[1] in (values[0] or []):
        return [*values[0], values[1]]
    return original(name, values)


def asked_for_ever(profile):
    """What is older than five years may be asked for."""
    without_guards("within-five-years")(profile)
    row(profile, "query")["from"].append("lapsed")


def account_of_the_employer(profile):
    """An employer changes a worker's account alone."""
    del row(profile, "change_account")["cosign"]


def row(profile, action):
    """The transition of an action."""
    (found,) = (one for one in profile["machine"]["transitions"] if one["action"] == action)
    return found


SWITCHES = {
    evidence.OWN_WITNESS: Switch({"evidence.web": without_guards("witness-is-another")}),
    evidence.OUTSIDER: Switch(patches=((doc, "_has_place", yes),)),
    evidence.OTHER_TOKEN: Switch(patches=((doc, "read_token", token_over_anything),)),
    credit.TOO_OLD: Switch({"credit.record": without_guards("not-too-old")}),
    credit.REVOKED_RETURNS: Switch(patches=((cred, "REVOCATION", ""),)),
    credit.FORGOTTEN: Switch({"credit.record": asked_for_ever}),
    credit.AFTER_THE_CONSENT: Switch({"credit.record": without_guards("subject-consents")}),
    sharing.FOREIGN_AGREEMENT: Switch(patches=((grant_rules, "party_of", consumer),)),
    sharing.FOREIGN_KEY: Switch(patches=((grant, "check_wraps", nothing),)),
    labour.GHOST: Switch({"labour.attendance": without_guards("contract-is-live")}),
    labour.WRONG_SUM: Switch({"labour.payperiod": without_guards("lines-make-the-total")}),
    labour.REPLACED_ACCOUNT: Switch({"labour.contract": account_of_the_employer}),
    labour.STEEL: Switch({"labour.payperiod": without_guards("wages-only")}),
    ai.ENDED_AGAIN: Switch(patches=((trace_runs, "_end", end_of_any_run),)),
    ai.TWICE: Switch(patches=((operands, "_list", list_with_doubles),)),
    ai.LEFT_OUT: Switch({"ai.round": without_guards("no-member-left-out")}),
    ai.OTHER_TEST: Switch({"ai.round": without_guards("the-test-set-of-the-start")}),
    city.OWN_CASE: Switch({"city.case": without_guards("not-closed-by-the-handler")}),
}
"""By fraud."""
