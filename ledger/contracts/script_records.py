"""Arguments and records of `script` (docs/spec/script.md, section 1)."""

from typing import Annotated, Any, Final

import msgspec

from ledger.contract import Arguments
from ledger.records import Record, Version
from ledger.scripts.limits import SOURCE_BYTES_MAX, TEXT_MAX

PROPOSED, PUBLISHED = "proposed", "published"
"""States of one version: turned down, it stays proposed."""
ACTIVE, FROZEN, RETIRED = "active", "frozen", "retired"
"""Further states of a script: it may be called, it rests, it ended."""
HEAD, VERSIONS, DATA = "name/", "record/", "data/"
"""Under these keys stand a script, its versions, and what it wrote."""
NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,63}(?![\s\S])"

Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
FunctionName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,63}(?![\s\S])")]
Reason = Annotated[str, msgspec.Meta(max_length=TEXT_MAX)]
Source = Annotated[str, msgspec.Meta(min_length=1, max_length=SOURCE_BYTES_MAX)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class ScriptHead(Record, frozen=True):
    """``script/name/<name>``: a script; its controller proposed it first.

    Attributes:
        state: ``proposed``, ``active``, ``frozen`` or ``retired``.
        latest: the number of the last version proposed.
        current: that of the version that runs (0: none yet).
        ballot: the last ballot on it.
        reason: why it was frozen or retired.
        since: the height of that.
    """

    latest: int
    state: str = PROPOSED
    current: int = 0
    ballot: str = ""
    reason: str = ""
    since: int = 0


class ScriptVersion(Record, frozen=True):
    """``script/record/<name>@<number>``: one version; its controller proposed it.

    Attributes:
        source: as it was proposed, the very text that members read.
        digest: SHA-256 of its UTF-8 bytes.
        state: ``proposed`` or ``published``.
        published_at: the height from which it is in force (0: not yet).
    """

    source: str
    digest: bytes
    state: str = PROPOSED
    published_at: int = 0


class Propose(Arguments, frozen=True):
    """Arguments of `propose`."""

    name: Name
    source: Source


class Publish(Arguments, frozen=True):
    """What the ballot of `propose` carries out."""

    name: Name
    number: Count
    digest: bytes


class Approve(Arguments, frozen=True):
    """Arguments of `approve`; `version` is the script's, so that what is approved was seen."""

    name: Name
    version: Version


class Object(Arguments, frozen=True):
    """Arguments of `object`."""

    name: Name
    version: Version
    reason: Reason


class Call(Arguments, frozen=True):
    """Arguments of `call`; `number` is the version that the caller read (0: the current one)."""

    name: Name
    function: FunctionName
    args: dict[str, Any] = msgspec.field(default_factory=dict)
    number: Count = 0


class Change(Arguments, frozen=True):
    """Arguments of `freeze`, `resume` and `retire`."""

    name: Name
    version: Version
    reason: Reason = ""


class Changed(Arguments, frozen=True):
    """What their ballots carry out."""

    name: Name
    reason: Reason
