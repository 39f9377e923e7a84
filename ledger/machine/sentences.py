# ruff: noqa: RUF001 - Chinese punctuation is meant
"""A profile as sentences: what a court page prints (docs/spec/profile.md, section 7).

The promise: every transition, need, guard, effect and deadline is one sentence, in the order of
the profile, in Chinese and in English; a rule that has no sentence cannot be written.
"""

from collections.abc import Iterator

from ledger.machine.profile import Profile
from ledger.machine.schema import LANGUAGES
from ledger.machine.wording import Wording

_NEEDS = {
    "cred": ("这需要一份“{0}”类型的凭证", "This needs a credential of type “{0}”"),
    "doc": ("这需要一份“{0}”类型的完整文件", "This needs a complete document of type “{0}”"),
    "event": ("这需要一个“{0}”步骤的事件", "This needs an event of the step “{0}”"),
}


def sentences(profile: Profile, language: str) -> tuple[str, ...]:
    """Every rule of a profile as a sentence, in ``zh`` or ``en``."""
    assert language in LANGUAGES, language
    chinese = language == "zh"
    found = list(_about(profile, chinese=chinese))
    for row in profile.transitions:
        found.extend(_transition(Wording(profile, row, chinese)))
    for timer in profile.timers.values():
        words = Wording(profile, profile.transitions[0], chinese)
        action = next(row for row in profile.transitions if row.action == timer.action)
        label, at = timer.labels.of(language), words.operand(timer.at)
        done = action.labels.of(language)
        found.append(
            f"期限「{label}」：到{at}时，由时钟「{done}」。"
            if chinese
            else f"Deadline “{label}”: at {at}, the clock does “{done}”."
        )
    return tuple(found)


def _about(profile: Profile, *, chinese: bool) -> Iterator[str]:
    language = "zh" if chinese else "en"
    label, sources = profile.labels.of(language), "; ".join(profile.sources)
    if chinese:
        yield f"{label}（{profile.id}）" + (f"，依据：{sources}。" if sources else "。")
    else:
        yield f"{label} ({profile.id})" + (f", after {sources}." if sources else ".")
    amount = profile.quantity
    if amount is not None and amount.divisible:
        yield (
            f"数量以 {amount.unit} 计，可以分割，每份不少于 {amount.least}。"
            if chinese
            else f"It counts {amount.unit} and can be split, into parts of at least {amount.least}."
        )
    words = Wording(profile, profile.transitions[0], chinese)
    for unique in profile.unique.values():
        name = words.field(unique.field)
        again = "，全部终结后可再用" if chinese else ", and is free again after their end"
        yield (
            f"{name}只能用一次{again if unique.reusable else ''}。"
            if chinese
            else f"{name} is used by one record only{again if unique.reusable else ''}."
        )
    for kind, most in profile.encumbrances.items():
        yield (
            f"同时存在的{words.encumbrance(kind)}不超过 {most} 项。"
            if chinese
            else f"No more than {most} {words.encumbrance(kind)} may lie on it at a time."
        )


def _transition(words: Wording) -> Iterator[str]:
    row, chinese = words.row, words.chinese
    yield _who(words)
    for need in row.need:
        what, _, kind = need.partition(":")
        yield words.pick(_NEEDS[what]).format(kind) + words.pick(("。", "."))
    for guard in row.guards:
        source = f"（{guard.source}）" if chinese else f" ({guard.source})"
        head = f"规则 {guard.rule}：" if chinese else f"Rule {guard.rule}: "
        yield head + words.guard(guard) + (source if guard.source else "") + words.pick(("。", "."))
    for step in row.steps:
        head = "结果：" if chinese else "Then "
        yield head + words.step(step) + words.pick(("。", "."))


def _who(words: Wording) -> str:
    """Who may do it, from which states, with whose signature, and where it leads."""
    row, states, language = words.row, words.profile.states, words.language
    label = row.labels.of(language)
    by = words.pick(("或", " or ")).join(words.role(name) for name in row.by)
    cosign = words.pick(("、", ", ")).join(words.role(name) for name in row.cosign)
    before = words.pick(("」或「", "” or “")).join(states[one].of(language) for one in row.before)
    to = states[row.to].of(language) if row.to else ""
    source = row.source and words.pick((f"（{row.source}）", f" ({row.source})"))
    if words.chinese:
        when = f"状态为「{before}」时，" if before else ""
        signed = f"，须{cosign}共同签名" if cosign else ""
        after = f"，之后状态为「{to}」" if to else "，状态不变"
        return f"「{label}」：{when}由{by}进行{signed}{after}{source}。"
    when = f" in the state “{before}”" if before else ""
    signed = f", signed by {cosign} as well" if cosign else ""
    after = f"; the state is then “{to}”" if to else "; the state stays"
    return f"“{label}” is done by {by}{when}{signed}{after}{source}."
