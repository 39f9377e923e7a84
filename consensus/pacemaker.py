"""When to act without being asked (docs/spec/consensus.md, section 9).

All times are processed milliseconds that the driver passes in; nothing here
reads a clock.
"""

VIEW_DOUBLINGS_MAX = 5
"""T(v) = T0 x 2^min(v, 5): waits grow with failed views, but not for ever."""
VIEW_WAIT_MS_MAX = 60_000
"""No view waits longer: operators see progress within minutes of a repair."""
RESEND_MS_MIN = 300
RESEND_MS_MAX = 4_000
"""Own messages are sent again after 0.3 s, then in doubling steps to 4 s."""
TRANSACTION_MS = 1
"""A proposal extends the wait by this for each of its transactions."""
BUILD_AGAIN_MS = 100
"""A builder that found nothing to put into a block looks again after this."""
FRESH_IDLE_MS = 1_000
"""An idle replica attests its head this long after it came to be."""
FRESH_INTERVAL_MS = 10_000
"""And then this often."""
FRESH_GAP_MS = 200
"""At most one attestation in this time, whoever asks."""


class Pacemaker:
    """Deadlines of one height, and those of freshness."""

    __slots__ = (
        "_resend_step",
        "_t0",
        "build_at",
        "fresh_at",
        "fresh_last",
        "progress_at",
        "resend_at",
        "view_change_at",
        "view_change_for",
    )

    def __init__(self, t0_ms: int) -> None:
        """Args: t0_ms: how long view 0 waits."""
        self._t0 = t0_ms
        self.progress_at: int | None = None
        self.view_change_at: int | None = None
        self.view_change_for = 0
        self.resend_at: int | None = None
        self._resend_step = RESEND_MS_MIN
        self.build_at: int | None = None
        self.fresh_at: int | None = None
        self.fresh_last = -FRESH_GAP_MS

    def wait(self, view: int) -> int:
        """T(v) in ms."""
        return int(min(self._t0 * 2 ** min(view, VIEW_DOUBLINGS_MAX), VIEW_WAIT_MS_MAX))

    def enter_height(self, now: int) -> None:
        """A new height: nothing is due but the attestation of an idle head."""
        self.progress_at = self.view_change_at = self.resend_at = self.build_at = None
        self.view_change_for = 0
        self._resend_step = RESEND_MS_MIN
        self.fresh_at = now + FRESH_IDLE_MS

    def arm_progress(self, now: int, view: int) -> None:
        """Start waiting for the view's block, if not waiting yet."""
        if self.progress_at is None:
            self.progress_at = now + self.wait(view)

    def restart_progress(self, now: int, view: int, transactions: int) -> None:
        """A proposal came: wait anew, longer for a larger one."""
        self.progress_at = now + self.wait(view) + transactions * TRANSACTION_MS

    def enter_view_change(self) -> None:
        """The view's block is given up."""
        self.progress_at = self.view_change_at = None

    def arm_view_change(self, now: int, target: int) -> None:
        """A quorum wants `target`: its new view is due."""
        if self.view_change_at is None or self.view_change_for != target:
            self.view_change_at = now + self.wait(target)
            self.view_change_for = target

    def arm_resend(self, now: int) -> None:
        """Something was sent that others may miss."""
        self._resend_step = RESEND_MS_MIN
        self.resend_at = now + RESEND_MS_MIN

    def next_resend(self, now: int) -> None:
        """It was sent again: the next time later."""
        self._resend_step = min(self._resend_step * 2, RESEND_MS_MAX)
        self.resend_at = now + self._resend_step

    def built_nothing(self, now: int) -> None:
        """What is pending may not be built now: try again, but not at once."""
        self.build_at = now + BUILD_AGAIN_MS

    def attested(self, now: int) -> None:
        """The head was attested."""
        self.fresh_last = now
        self.fresh_at = now + FRESH_INTERVAL_MS

    def next_deadline(self) -> int | None:
        """The earliest deadline."""
        deadlines = (
            self.progress_at,
            self.view_change_at,
            self.resend_at,
            self.build_at,
            self.fresh_at,
        )
        return min((deadline for deadline in deadlines if deadline is not None), default=None)
