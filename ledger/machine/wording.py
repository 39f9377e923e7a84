# ruff: noqa: RUF001 - Chinese punctuation is meant
"""Words for expressions, guards and effects in Chinese and English.

The promise: every guard and effect of the closed lists has a sentence in both languages, made
from the profile's own labels (docs/spec/profile.md, section 7).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hansa.encoding import Value
from ledger.machine.guards import ALL_KINDS, Guard
from ledger.machine.operands import Days, Literal, Operand, Operation, Reference
from ledger.machine.profile import Profile, Transition
from ledger.machine.schema import ANYONE, CLOCK, CONTROLLER, HOLDER
from ledger.machine.steps import Step

GUARDS: Mapping[str, tuple[str, str]] = {
    "eq": ("{0}必须等于{1}", "{0} must equal {1}"),
    "ne": ("{0}不得等于{1}", "{0} must differ from {1}"),
    "lt": ("{0}必须小于{1}", "{0} must be below {1}"),
    "le": ("{0}不得大于{1}", "{0} must not exceed {1}"),
    "gt": ("{0}必须大于{1}", "{0} must be above {1}"),
    "ge": ("{0}不得小于{1}", "{0} must be at least {1}"),
    "in": ("{0}必须是下列之一：{1}", "{0} must be one of {1}"),
    "between": ("{0}必须在{1}与{2}之间", "{0} must lie between {1} and {2}"),
    "within_days": (
        "从{0}到{1}不得超过{2}天",
        "{1} must not lie before {0}, nor more than {2} days after it",
    ),
    "sum_eq": ("{0}之和必须等于{1}", "the sum of {0} must equal {1}"),
    "unique": ("{0}不得被其他记录使用过", "{0} must not be used by another record"),
    "same_org": ("{0}与{1}必须是同一机构", "{0} and {1} must be the same organisation"),
    "not_same_org": ("{0}与{1}不得是同一机构", "{0} and {1} must be different organisations"),
    "has_signed": ("{0}必须已签名", "{0} must have signed"),
    "has_cred": (
        "{1}必须持有有效的“{0}”凭证",
        "{1} must hold a valid credential of type “{0}”",
    ),
    "no_encumbrance": ("记录上不得有{0}", "there must be no {0} on the record"),
    "pledgee_signed": (
        "{0}的权利人必须全部签名",
        "everyone whom a {0} secures must have signed",
    ),
    "consent_for": (
        "{1}必须已同意用途{0}",
        "{1} must have consented to the purpose {0}",
    ),
    "in_geofence": (
        "位置（{0}，{1}）必须在南{2}、西{3}、北{4}、东{5}围成的范围内",
        "the place ({0}, {1}) must lie within south {2}, west {3}, north {4}, east {5}",
    ),
    "sensor_within": (
        "读数（{0}至{1}）必须在{2}与{3}之间",
        "the readings ({0} to {1}) must lie between {2} and {3}",
    ),
}
"""Each guard in Chinese and English; the numbers are its parameters."""
EFFECTS: Mapping[str, tuple[str, str]] = {
    "set": ("{0}改为{1}", "{0} becomes {1}"),
    "inc": ("{0}增加{1}", "{0} grows by {1}"),
    "notify": ("通知{0}", "{0} is notified"),
    "open_timer": ("开始计时：{0}", "the deadline “{0}” begins to run"),
    "close_timer": ("停止计时：{0}", "the deadline “{0}” ends"),
    "emit_match_line": (
        "生成对账明细“{0}”：{2}应付{1} {3} {4}",
        "a line “{0}” for the books: {2} owes {1} {3} {4}",
    ),
    "encumber": ("为{1}设立{0}", "a {0} in favour of {1} is put on the record"),
    "release": ("解除{1}的{0}", "the {0} in favour of {1} is lifted"),
}
"""Each effect in Chinese and English."""
_BUILT_IN = {
    ANYONE: ("任一成员", "any member"),
    CLOCK: ("时钟", "the clock"),
    CONTROLLER: ("控制人", "the controller"),
    HOLDER: ("持有人", "the holder"),
}
_ENCUMBRANCES = {
    ALL_KINDS: ("任何权利负担", "encumbrance"),
    "freeze": ("冻结", "freeze"),
    "hold": ("预留", "hold"),
    "lien": ("留置", "lien"),
    "pledge": ("质押", "pledge"),
}
_PLAIN = {
    "actor": ("行为人", "who acts"),
    "quantity": ("数量", "the quantity"),
    "state": ("状态", "the state"),
    "time": ("此刻", "now"),
}
_SIGNS = {"add": " + ", "sub": " − ", "mul": " × ", "div": " ÷ "}


@dataclass(frozen=True, slots=True)
class Wording:
    """Words for the parts of one transition of a profile, in one language."""

    profile: Profile
    row: Transition
    chinese: bool

    def pick(self, pair: tuple[str, str]) -> str:
        """The Chinese or the English one."""
        return pair[0] if self.chinese else pair[1]

    @property
    def language(self) -> str:
        """``zh`` or ``en``."""
        return "zh" if self.chinese else "en"

    def role(self, name: str) -> str:
        """A role's label."""
        known = self.profile.roles.get(name)
        return self.pick(_BUILT_IN[name]) if known is None else known.labels.of(self.language)

    def guard(self, guard: Guard) -> str:
        """The sentence of a guard."""
        parts = [self._parameter(guard.name, part) for part in guard.parameters]
        return self.pick(GUARDS[guard.name]).format(*parts)

    def step(self, step: Step) -> str:
        """The sentence of an effect."""
        parts = [self._step_part(step.name, part) for part in step.parameters]
        return self.pick(EFFECTS[step.name]).format(*parts)

    def _parameter(self, guard: str, part: "Operand | tuple[Operand, ...] | str") -> str:
        if isinstance(part, tuple):
            return self.pick(("、", ", ")).join(self.operand(one) for one in part)
        if not isinstance(part, str):
            return self.operand(part)
        if guard == "has_signed":
            return self.role(part)
        if guard == "unique":
            return self.field(self.profile.unique[part].field)
        return part if guard == "has_cred" else self.encumbrance(part)

    def _step_part(self, effect: str, part: str | Operand) -> str:
        if not isinstance(part, str):
            return self.operand(part)
        if effect in ("set", "inc"):
            return self.role(part) if part in (CONTROLLER, HOLDER) else self.field(part)
        if effect == "notify":
            return self.role(part)
        if effect in ("open_timer", "close_timer"):
            return self.profile.timers[part].labels.of(self.language)
        return part if effect == "emit_match_line" else self.encumbrance(part)

    def encumbrance(self, kind: str) -> str:
        """The word for a kind of encumbrance."""
        return self.pick(_ENCUMBRANCES.get(kind, (kind, kind)))

    def field(self, name: str) -> str:
        """A field's label, quoted."""
        return self._quoted(self.profile.fields[name].labels.of(self.language))

    def _quoted(self, text: str) -> str:
        return self.pick((f"「{text}」", f"“{text}”"))

    def operand(self, operand: Operand) -> str:
        """The words of an expression."""
        if isinstance(operand, Literal):
            return self._literal(operand.value)
        if isinstance(operand, Days):
            plural = "day" if operand.days == 1 else "days"
            return self.pick((f"{operand.days}天", f"{operand.days} {plural}"))
        if isinstance(operand, Reference):
            return self._reference(operand)
        parts = [
            f"({self.operand(part)})" if isinstance(part, Operation) else self.operand(part)
            for part in operand.operands
        ]
        if operand.name == "count":
            return self.pick((f"{parts[0]}的项数", f"the number of {parts[0]}"))
        if operand.name == "with":
            return self.pick((f"{parts[0]}加上{parts[1]}", f"{parts[0]} and, once, {parts[1]}"))
        return _SIGNS[operand.name].join(parts)

    def _literal(self, value: Value) -> str:
        if isinstance(value, bool):
            return self.pick(("是", "yes") if value else ("否", "no"))
        if isinstance(value, str):
            return self.pick((f"“{value}”", f"“{value}”"))
        return self.pick(("空", "empty")) if isinstance(value, list) else str(value)

    def _reference(self, reference: Reference) -> str:
        name, language = reference.name, self.language
        if reference.root in _PLAIN:
            return self.pick(_PLAIN[reference.root])
        if reference.root == "body":
            return self.field(name)
        if reference.root == "args":
            label = self.row.args[name].labels.of(language)
            return self.pick((f"所报「{label}」", f"the given “{label}”"))
        if reference.root == "sum":
            return self._quoted(self.profile.sums[name].labels.of(language))
        if reference.root == "party":
            known = name in self.profile.roles or name in (CONTROLLER, HOLDER)
            return self.role(name) if known else self.field(name)
        of = (
            self.pick(_PLAIN[reference.of])
            if reference.of in ("quantity", "state")
            else (f"“{reference.of}”")
        )
        return self.pick((f"{self.field(name)}的{of}", f"{of} of the {self.field(name)}"))
