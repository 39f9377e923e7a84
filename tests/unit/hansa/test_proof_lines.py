"""How a verdict is shown: times, ages, one line each."""

import pytest

from hansa.proof_lines import Line, Verdict, age, clock, utc

NOON_MS = 1_795_341_600_000


def test_times_are_those_of_utc_up_to_the_end_of_calendars():
    assert utc(NOON_MS) == "2026-11-22 10:00:00 UTC"
    assert clock(NOON_MS + 999) == "10:00:00"
    assert utc(253_402_300_799_999) == "9999-12-31 23:59:59 UTC"
    assert utc(253_402_300_800_000) == clock(253_402_300_800_000)
    assert utc(253_402_300_800_000) == "253402300800000 ms after 1970"


@pytest.mark.parametrize(
    ("passed_ms", "text"),
    [
        (-5, "0 s ago"),
        (1_999, "1 s ago"),
        (59_999, "59 s ago"),
        (60_000, "1 min ago"),
        (3_599_999, "59 min ago"),
        (3_600_000, "1 h ago"),
        (86_399_999, "23 h ago"),
        (86_400_000 * 40, "40 d ago"),
    ],
)
def test_an_age_has_one_unit_rounded_down(passed_ms, text):
    assert age(NOON_MS, NOON_MS + passed_ms) == text


def test_lines_that_ask_for_the_eye_say_so_in_words():
    calm, loud = Line("ok", "good", "note"), Line("fail", "bad")
    verdict = Verdict(calm, loud, Line("attention", "look"), calm, Line("not given", "-"), calm)

    assert [" ".join(line.split()) for line in verdict.to_text().splitlines()] == [
        "content good note",
        "on chain [fail] bad",
        "signers [attention] look",
        "time good note",
        "now -",
        "not proven good note",
    ]
    assert (verdict.failed, verdict.exit_code) == (("on_chain",), 1)
