"""The sentences of a verdict in English and Chinese (docs/spec/proof.md, sections 8 and 9).

The promise: both languages say the same of the same proof; nothing but the words differs. The
Chinese ones are for people; what programs compare is the English text.
"""

# ruff: noqa: RUF001 - Chinese has its own punctuation
from collections.abc import Mapping
from dataclasses import dataclass

LANGUAGES = ("en", "zh")

LABELS: Mapping[str, str] = {
    "content": "内容",
    "on_chain": "上链",
    "signers": "签署者",
    "time": "时间",
    "now": "当前状态",
    "not_proven": "未证明",
}
"""The names of the lines in Chinese."""
MARKS: Mapping[str, str] = {
    "ok": "成立", "attention": "注意", "fail": "不成立", "not checked": "未核验",
    "not given": "未提供", "info": "说明",
}  # fmt: skip
"""The verdicts in Chinese."""

SENTENCES: Mapping[str, tuple[str, str]] = {
    "no_file": ("no file given to compare with the recorded one", "未提供可与记录比对的文件"),
    "same_file": ("the file you hold is the one recorded", "您持有的文件与记录一致"),
    "contains": (
        "the file you hold contains what was recorded; nothing is said of the rest",
        "您持有的文件包含所记录的内容；其余部分不作说明",
    ),
    "another_file": ("the file you hold is not the one recorded", "您持有的文件与记录不一致"),
    "not_in_batch": (
        "the digest given here is not in the batch that was recorded",
        "此处给出的摘要不在所记录的批次中",
    ),
    "not_sealed": ("field {name} is not as it was sealed", "字段 {name} 与封存时不一致"),
    "shown": (
        "{shown} of {size} sealed fields shown as they were sealed: {names}",
        "共封存 {size} 个字段，此处出示 {shown} 个，与封存时一致：{names}",
    ),
    "confirmed": (
        "height {height}, {time}, confirmed by {some} of {all} organisations ({quorum}{of} needed)",
        "高度 {height}，{time}，{all} 个组织中有 {some} 个确认（需要 {quorum}{of}）",
    ),
    "of_validators": (" of {size} validators", "/{size} 个验证节点"),
    "not_in_log": (
        "the receipt is not in the log of height {height}", "回执不在高度 {height} 的日志中",
    ),
    "other_signatures": (
        "height {height} holds it with other signatures", "高度 {height} 所载的签名与此处不同",
    ),
    "refused": (
        "at height {height} it was refused with {code}: it changed nothing",
        "在高度 {height} 被拒绝（{code}）：未产生任何变更",
    ),
    "another_chain": (
        "another chain: {chain}, your trust file is for {own}",
        "属于另一条链：{chain}，您的信任文件对应 {own}",
    ),
    "not_led": (
        "signed by validators that your trust file does not lead to",
        "由您的信任文件无法追溯到的验证节点签署",
    ),
    "another_block": (
        "height {height} is another block than your trust file's",
        "高度 {height} 的区块与您的信任文件不同",
    ),
    "another_parent": (
        "height {height} stands on another block than your trust file's",
        "高度 {height} 的前一区块与您的信任文件不同",
    ),
    "older": (
        "older than your trust file, which begins at height {height}",
        "早于您的信任文件（起始高度 {height}）",
    ),
    "no_signer": ("a proof of the state names no signer", "状态证明不涉及签署者"),
    "chain_itself": (
        "the chain itself: what was due at that time", "由链自身执行：当时到期的事项",
    ),
    "wrong_signature": ("the signature of {key} is wrong", "{key} 的签名错误"),
    "not_held_here": (
        "the state of height {height} does not hold {key} as it is given here",
        "高度 {height} 的状态中没有此处给出的 {key}",
    ),
    "unknown_signer": (
        "unknown signer {key}, a key that no member registered",
        "未知签署者 {key}：没有成员登记过此密钥",
    ),
    "key_not_valid": ("{name}, key not valid at that height", "{name}，密钥在该高度无效"),
    "key_doubted": (
        "{name}, key reported as compromised since {time}", "{name}，密钥自 {time} 起被报告失密",
    ),
    "key_ended": (
        "{name}, key valid at that height, ended at height {height}",
        "{name}，密钥在该高度有效，于高度 {height} 终止",
    ),
    "key_valid": ("{name}, key valid at that height", "{name}，密钥在该高度有效"),
    "chain_time": ("chain time {time}", "链上时间 {time}"),
    "claimed": ("claimed {first}; chain time {time}", "声称时间 {first}；链上时间 {time}"),
    "claimed_span": (
        "claimed {first} to {last}; chain time {time}",
        "声称时间 {first} 至 {last}；链上时间 {time}",
    ),
    "no_stamp": ("no trusted time-stamp given", "未提供可信时间戳"),
    "stamp_unchecked": (
        "a time-stamp is given, and was not checked", "附有时间戳，但未核验",
    ),
    "stamp_fails": ("the time-stamp does not hold: {why}", "时间戳不成立：{why}"),
    "stamp_unknown": (
        "time-stamp {time} by {who}, whom your trust file does not list",
        "时间戳 {time}，由 {who} 签发，您的信任文件未列出该机构",
    ),
    "stamp_holds": ("time-stamp {time} by {who}", "可信时间戳 {time}，由 {who} 签发"),
    "as_of": ("as of height {height}, {when}", "截至高度 {height}，{when}"),
    "not_fresh": ("{time}; no freshness certificate given", "{time}；未提供新鲜度证明"),
    "fresh_fails": (
        "the freshness certificate does not hold: {why}", "新鲜度证明不成立：{why}",
    ),
    "not_so": (
        "the state of height {height} does not hold {key} so",
        "高度 {height} 的状态与此处的 {key} 不符",
    ),
    "no_record": (
        "it left no record that could have changed", "它没有留下可能变化的记录",
    ),
    "in_force": ("in force", "有效"),
    "moved_on": ("{moved} of {all} things moved on since", "{all} 件物品中有 {moved} 件此后有变动"),
    "removed": ("{key} was removed since", "{key} 此后已被移除"),
    "ended_by": ("{state} by {successor}", "{state}，由 {successor} 取代"),
    "wrong": ("declared wrong ({reason})", "已声明有误（{reason}）"),
    "no_reason": ("no reason given", "未说明理由"),
    "changed": (
        "{key} changed since, at height {height}", "{key} 此后在高度 {height} 有变更",
    ),
    "nothing": ("there is nothing under {key}", "{key} 之下没有任何内容"),
    "bytes": ("{key} holds {size} bytes as given here", "{key} 存有此处给出的 {size} 字节"),
    "there_is_no": ("there is no {noun} {name}", "不存在{noun} {name}"),
    "there_is": (
        "{noun} {name} stands as given here{facts}", "{noun} {name} 与此处所示一致{facts}",
    ),
    "not_checked": ("not checked: line 2 did not hold", "未核验：第 2 行不成立"),
    "ago": ("{count} {unit} ago", "{count} {unit}前"),
    "d": ("d", "天"), "h": ("h", "小时"), "min": ("min", "分钟"), "s": ("s", "秒"),
    "proves_not_absent": (
        "that there is no such thing outside of this chain", "在本链之外不存在这样的事物",
    ),
    "proves_not_else": ("that what was signed is true", "所签署的内容属实"),
    "proves_not_doc": ("that the content of the document is true", "文件内容属实"),
    "proves_not_trace": (
        "that the event happened as its reporter says", "事件确如报告者所述发生",
    ),
    "proves_not_org": (
        "that the organisation is who it says it is", "该组织确为其所声称的身份",
    ),
    "proves_not_governance": (
        "that those who voted spoke for their organisations", "投票者确能代表其组织",
    ),
    "proves_not_profile": ("that the rule is lawful", "该规则合法"),
    "proves_not_asset": (
        "that the goods or the debt behind it are as it says", "其背后的货物或债权与所载一致",
    ),
    "proves_not_cred": (
        "that what was attested of somebody is true", "对当事人所作的证明属实",
    ),
    "proves_not_match": ("that the books behind it are true", "其所依据的账簿属实"),
    "proves_not_grant": (
        "that nobody used the data in another way", "无人以其他方式使用数据",
    ),
}  # fmt: skip
"""By name, in English and in Chinese; in braces what is put in."""

KINDS: tuple[tuple[str, str, str], ...] = (
    ("org/member/", "member", "成员"),
    ("org/subject/", "subject", "主体"),
    ("org/key/", "key", "密钥"),
    ("org/node/", "node", "节点"),
    ("governance/parameter/", "parameter", "参数"),
    ("governance/permission/", "permission", "权限规则"),
    ("governance/ballot/", "ballot", "表决"),
    ("governance/accusation/", "accusation", "指控"),
    ("trace/event/", "event", "事件"),
    ("trace/thing/", "thing", "物品"),
    ("doc/record/", "document", "文件"),
    ("doc/stamp/", "time-stamp", "时间戳"),
    ("doc/exhibit/", "exhibit", "举证"),
    ("doc/batch/", "batch", "批次"),
    ("profile/record/", "profile", "规则模板"),
    ("asset/record/", "asset", "资产"),
    ("asset/held/", "encumbrance on", "负担，标的为"),
    ("asset/unique/", "use of", "占用，取值为"),
    ("asset/paper/", "exchange of paper", "纸质凭证置换"),
    ("cred/issuer/", "accreditation", "签发资格"),
    ("cred/template/", "credential template", "凭证模板"),
    ("cred/list/", "status list", "状态列表"),
    ("cred/log/", "credential log entry", "凭证存证"),
    ("match/record/", "statement", "对账单"),
    ("grant/dataset/", "dataset", "数据集"),
    ("grant/agreement/", "agreement", "协议"),
    ("grant/delivery/", "delivery", "交付"),
    ("grant/use/", "use receipt", "使用回执"),
    ("grant/consent/", "consent", "同意"),
    ("grant/live/", "live consent", "有效同意"),
    ("grant/correction/", "correction", "更正"),
    ("grant/mark/", "mark", "标记"),
    ("grant/erasure/", "erasure receipt", "删除回执"),
)
"""What stands under a key that begins so, in English and in Chinese."""


@dataclass(frozen=True, slots=True)
class Words:
    """Speaks one language.

    Attributes:
        language: one of `LANGUAGES`.
    """

    language: str = "en"

    @property
    def between(self) -> str:
        """What joins two sentences."""
        return "；" if self.language == "zh" else "; "

    @property
    def comma(self) -> str:
        """What joins two parts of a sentence."""
        return "，" if self.language == "zh" else ", "

    def say(self, sentence: str, /, **values: object) -> str:
        """A sentence of `SENTENCES`, with its values."""
        return SENTENCES[sentence][LANGUAGES.index(self.language)].format(**values)

    def kind(self, key: str) -> tuple[str, str] | None:
        """What a state key is of, and the rest of the key; None for a key of no known kind."""
        for prefix, *nouns in KINDS:
            if key.startswith(prefix):
                return nouns[LANGUAGES.index(self.language)], key[len(prefix) :]
        return None


ENGLISH = Words()
