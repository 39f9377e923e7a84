"""Timers (docs/spec/consensus.md, section 9)."""

import pytest

from consensus.pacemaker import (
    FRESH_IDLE_MS,
    RESEND_MS_MAX,
    RESEND_MS_MIN,
    VIEW_WAIT_MS_MAX,
    Pacemaker,
)


@pytest.mark.parametrize(
    ("view", "wait"),
    [(0, 1_000), (1, 2_000), (4, 16_000), (5, 32_000), (6, 32_000), (2**31, 32_000)],
)
def test_waits_double_with_failed_views_and_stop_growing(view, wait):
    assert Pacemaker(1_000).wait(view) == wait


def test_no_wait_is_longer_than_the_cap():
    assert Pacemaker(10_000).wait(5) == VIEW_WAIT_MS_MAX


def test_the_progress_timer_is_armed_once_and_restarted_by_a_proposal():
    pace = Pacemaker(1_000)
    pace.arm_progress(100, 0)
    pace.arm_progress(900, 0)
    assert pace.progress_at == 1_100

    pace.restart_progress(1_000, 0, 7)
    assert pace.progress_at == 2_007


def test_the_timer_of_a_new_view_is_armed_once_for_each_target():
    pace = Pacemaker(1_000)
    pace.arm_view_change(0, 1)
    pace.arm_view_change(500, 1)
    assert pace.view_change_at == 2_000

    pace.arm_view_change(500, 2)
    assert pace.view_change_at == 4_500
    pace.enter_view_change()
    assert (pace.progress_at, pace.view_change_at) == (None, None)
    pace.arm_view_change(600, 2)
    assert pace.view_change_at == 4_600


def test_resending_slows_down_and_starts_anew_with_new_words():
    pace, gaps, now = Pacemaker(1_000), [], 0
    pace.arm_resend(now)
    for _ in range(7):
        gaps.append(pace.resend_at - now)
        now = pace.resend_at
        pace.next_resend(now)

    assert gaps == [300, 600, 1_200, 2_400, RESEND_MS_MAX, RESEND_MS_MAX, RESEND_MS_MAX]
    pace.arm_resend(now)
    assert pace.resend_at == now + RESEND_MS_MIN


def test_a_new_height_forgets_all_deadlines_but_the_attestation():
    pace = Pacemaker(1_000)
    pace.arm_progress(0, 0)
    pace.arm_view_change(0, 1)
    pace.arm_resend(0)
    pace.built_nothing(0)

    pace.enter_height(50)

    assert pace.next_deadline() == pace.fresh_at == 50 + FRESH_IDLE_MS


def test_the_earliest_deadline_is_the_next_one():
    pace = Pacemaker(1_000)
    assert pace.next_deadline() is None

    pace.arm_progress(0, 0)
    pace.arm_resend(0)
    assert pace.next_deadline() == RESEND_MS_MIN
