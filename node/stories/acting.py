"""Several actions on one record in one transaction: each names the version that it finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hansa.consent import consent_digest, subject_of
from hansa.signing import SigningKey
from node.stories.cast import Organisation
from node.stories.stage import Stage
from node.stories.wire import CallSpec

PLAYED_MS = 25_000
"""How long days last that a story must wait for: long enough for the steps that come before, on a
network that is busy with other things."""


@dataclass(frozen=True, slots=True)
class Act:
    """An action of a record's profile: its name, its arguments, what it rests on."""

    action: str
    args: Mapping[str, object] = field(default_factory=dict)
    evidence: Sequence[str] = ()


def acts(name: str, version: int, *steps: Act) -> list[CallSpec]:
    """Calls that carry out actions on a record of `asset`, which has `version` before them."""
    return [
        (
            "asset",
            "act",
            {
                "id": name,
                "version": version + number,
                "action": one.action,
                "args": dict(one.args),
                "evidence": [*one.evidence],
            },
        )
        for number, one in enumerate(steps)
    ]


def issue(  # noqa: PLR0913 - what a record begins with
    name: str,
    profile: str,
    body: Mapping[str, object],
    evidence: Sequence[str] = (),
    *,
    controller: str | None = None,
    action: str = "issue",
) -> CallSpec:
    """The call by which a record begins; its version is 1."""
    args: dict[str, object] = {
        "id": name,
        "profile": profile,
        "action": action,
        "body": dict(body),
        "evidence": [*evidence],
    }
    if controller is not None:
        args["controller"] = controller
    return ("asset", "issue", args)


def people(
    stage: Stage, organisation: Organisation, kind: str, role: str, names: Sequence[str]
) -> list[SigningKey]:
    """Keys of several people or things of an organisation, enrolled in one transaction.

    Their names are those of this run alone.
    """
    member = stage.of(organisation)
    keys = [stage.key(name) for name in names]
    calls: list[CallSpec] = [
        (
            "org",
            "enrol",
            {"subject": f"{member}/{name}", "kind": kind, "key": key.public, "roles": [role]},
        )
        for name, key in zip(names, keys, strict=True)
    ]
    stage.do(f"enrols {len(names)}: {kind}, {role}", calls, stage.admin(organisation))
    return keys


def consent(  # noqa: PLR0913, PLR0917 - what a consent binds
    stage: Stage,
    name: str,
    key: SigningKey,
    controller: Organisation,
    purpose: str,
    until: int,
) -> CallSpec:
    """The call that records a subject's signed word; `until` in ms since 1970."""
    subject, scope = subject_of(key.public), stage.digest(f"scope of {name}")
    member = stage.of(controller)
    digest = consent_digest(stage.wire.chain_id, name, subject, member, purpose, scope, until)
    args = {
        "id": name,
        "subject": subject,
        "controller": member,
        "purpose": purpose,
        "scope_digest": scope,
        "until": until,
        "key": key.public,
        "signature": key.sign(digest),
    }
    return ("grant", "consent", args)
