"""Errors that say whose fault it is.

Three branches: `Rejected` (somebody sent something invalid), `Unavailable`
(it may work later) and `Corrupt` (what we stored is not what we wrote; the node
stops). A bug of ours is an `AssertionError` and stops the node.
"""


class HansaError(Exception):
    """The root of every error that hansa raises on purpose.

    Attributes:
        code: stable, lower-case words joined by dots, e.g. ``encoding.not-canonical``.
        detail: what happened and why, with the values.
        hint: what to do about it, or an empty string.
    """

    def __init__(self, code: str, detail: str, hint: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.hint = hint


class Rejected(HansaError):  # noqa: N818 - it names an outcome, not a failure of ours
    """The sender's fault: invalid bytes, signature, order or permission."""


class Unavailable(HansaError):  # noqa: N818 - as `Rejected`
    """Nobody's fault: it may work later or elsewhere."""


class Corrupt(HansaError):  # noqa: N818 - as `Rejected`
    """Stored data is damaged; the node stops and says which file and where."""
