"""Identity and credit: a firm lets a bank ask, objects, is put right, and is forgotten in time.

征信业管理条例 13 to 20 and 25; 个人信息保护法 13, 29 and 47. Days are played as moments: where
the law says 30 days, or five years less what is left of them, the story waits some seconds.
"""

from dataclasses import dataclass

from hansa.consent import subject_of
from hansa.signing import SigningKey
from hansa.vc.did_key import did_key
from node.stories import reports
from node.stories.acting import PLAYED_MS, Act, acts, consent, issue
from node.stories.cast import BANK, SECOND_BANK, TAX_BUREAU
from node.stories.offices import CITY_DESK, FIRM, FIRST_BUREAU, REGISTRY, SECOND_BUREAU
from node.stories.reports import Credential, Issuer
from node.stories.stage import DAY_MS, Stage, Step, Story
from node.stories.wire import CallSpec

TOO_OLD = "a lender files a default that ended more than five years ago"
AFTER_THE_CONSENT = "the bank asks again when the consent is over"
FORGOTTEN = "a second bank asks about a record whose five years are over"
REVOKED_RETURNS = "the bureau puts a revoked report back into force"
FIVE_YEARS_MS = 1_826 * DAY_MS
ASKED = {"purpose": "pre-loan"}
PLAYED = f"played as {PLAYED_MS // 1_000} s"
"""What a line says where days are moments."""


@dataclass(frozen=True, slots=True)
class Firm:
    """The firm as the chain knows it: pseudonyms. Its keys stay with it.

    Attributes:
        key: for asking about its credit, and nothing else.
        subject: that key's subject, hex.
        loan, tax, old: ids of its credit records.
        consent: id of its consent to the bank.
    """

    key: SigningKey
    subject: str
    loan: str
    tax: str
    old: str
    consent: str


def play(stage: Stage) -> None:
    """Tell it."""
    _identify(stage)
    first = reports.issuer(stage, FIRST_BUREAU, "CreditReport")
    second = reports.issuer(stage, SECOND_BUREAU, "CreditReport")
    firm = _file(stage)
    report = _answer(stage, first, second, firm)
    _object(stage, first, firm, report)
    _correct(stage, first, firm, report)
    _forget(stage, firm)
    key = f"grant/live/{firm.subject}/pre-loan/{stage.of(BANK)}"
    stage.until(
        lambda: stage.state(key) is None,
        "the firm's 30 days are over",
    )
    again = stage.on("asset", "act", firm.tax, action="query", args=ASKED)
    stage.refused(AFTER_THE_CONSENT, "CONSENT", [again], BANK)
    stage.prove("no consent any more", key)
    stage.prove("the corrected record", f"asset/record/{firm.loan}")
    stage.prove("the forgotten record", f"asset/record/{firm.old}")
    stage.prove("the status of the reports", f"cred/list/{first.list_id}")


def _identify(stage: Stage) -> None:
    """The registry issues a credential to whoever speaks for the firm, who agrees to it."""
    registry = reports.issuer(stage, REGISTRY, "PersonIdentity")
    person = stage.key(f"person-{stage.tag}")
    agreed = stage.id("ID-consent")
    until = stage.now + 365 * DAY_MS
    stage.do(
        "opens a status list; somebody agrees to be identified, under a pseudonym",
        [
            reports.open_list(registry),
            consent(stage, agreed, person, REGISTRY, "identity", until),
        ],
        REGISTRY,
    )
    identity = reports.write(
        stage, registry, {"id": did_key(person.public), "speaksFor": FIRM.number}
    )  # fmt: skip
    body = {
        "issuer": stage.of(REGISTRY),
        "credential": identity.digest.hex(),
        "list": registry.list_id,
        "index": identity.index,
        "valid_until": until,
        "pseudonym": did_key(person.public),
        "level": 3,
        "consent": agreed,
    }
    stage.do(
        "identifies who speaks for the firm; the chain sees a digest",
        [reports.log(registry, identity, until), issue(stage.id("ID"), "id.person@1", body)],
        REGISTRY,
    )
    stage.check(
        reports.check(stage, registry, identity).passed, "the identity holds in every respect"
    )  # fmt: skip


def _file(stage: Stage) -> Firm:
    """Three records about the firm; the oldest has some seconds left of its five years."""
    key = stage.key(f"firm-credit-{stage.tag}")
    firm = Firm(
        key,
        subject_of(key.public).hex(),
        stage.id("LOAN"),
        stage.id("TAX"),
        stage.id("OLD"),
        stage.id("ASK"),
    )
    day = stage.now - 30 * DAY_MS
    expiring = stage.now - FIVE_YEARS_MS + PLAYED_MS
    stage.do(
        "file what they know about the firm: a late loan, its taxes, a default almost 5 years old",
        [
            _record(stage, firm, firm.loan, "loan", day),
            _record(stage, firm, firm.tax, "tax", day),
            _record(stage, firm, firm.old, "loan", expiring),
        ],
        SECOND_BANK,
        TAX_BUREAU,
        FIRST_BUREAU,
        SECOND_BUREAU,
    )
    late = _record(stage, firm, stage.id("LATE"), "loan", stage.now - FIVE_YEARS_MS - DAY_MS)
    stage.refused(TOO_OLD, "RULE", [late], SECOND_BANK, FIRST_BUREAU)
    return firm


def _answer(stage: Stage, first: Issuer, second: Issuer, firm: Firm) -> Credential:
    """The bank brings the firm's consent, and both bureaus answer."""
    queries = [*acts(firm.loan, 1, Act("query", ASKED)), *acts(firm.tax, 1, Act("query", ASKED))]
    until = stage.now + PLAYED_MS
    stage.do(
        f"brings the firm's consent (before a loan, 30 days, {PLAYED}) and asks two bureaus",
        [consent(stage, firm.consent, firm.key, BANK, "pre-loan", until), *queries],
        BANK,
    )
    text = "opens a status list of its reports"
    stage.together(
        [Step(text, [reports.open_list(one)], [one.organisation]) for one in (first, second)]
    )
    valid = stage.now + 30 * DAY_MS
    made: list[Credential] = []
    for one, said in ((first, "a loan 40 days late"), (second, "taxes paid")):
        report = reports.write(stage, one, {"id": f"urn:sha256:{firm.subject}", "says": said})
        stage.do(
            f"answers with a report: {said}", [reports.log(one, report, valid)], one.organisation
        )
        stage.check(reports.check(stage, one, report).passed, "the report holds in every respect")
        made.append(report)
    return made[0]


def _object(stage: Stage, first: Issuer, firm: Firm, report: Credential) -> None:
    """Whoever reads the record from now on sees that it is disputed."""
    statement = stage.digest("the loan was paid in time")
    objection = {
        "list_id": first.list_id,
        "index": report.index,
        "version": 0,
        "kind": "disputed",
        "statement_digest": statement,
        "due": stage.now + 19 * DAY_MS,
    }
    stage.do(
        "brings the firm's objection: record and report are marked at once",
        [
            ("cred", "annotate", objection),
            *acts(firm.loan, 2, Act("dispute", {"statement": statement.hex()})),
        ],
        CITY_DESK,
    )
    note = stage.state(f"cred/note/{first.list_id}/{report.index}")
    stage.check(
        isinstance(note, dict)
        and note["state"] == "disputed"
        and stage.record("asset", firm.loan)["state"] == "disputed",
        "the objection stands beside report and record in the block that brought it",
    )


def _correct(stage: Stage, first: Issuer, firm: Firm, report: Credential) -> None:
    """On the twelfth of twenty days; the old report is revoked for ever."""
    right = reports.write(
        stage, first, {"id": f"urn:sha256:{firm.subject}", "says": "a loan paid in time"}
    )  # fmt: skip
    version = reports.list_version(stage, first)
    answer = {
        "list_id": first.list_id,
        "index": report.index,
        "version": 1,
        "kind": "corrected",
        "statement_digest": stage.digest("the answer"),
    }
    commitment = {"commitment": stage.digest("what is right").hex()}
    stage.do(
        "correct the record (day 12 of 20, played at once), revoke the report, issue another",
        [
            *acts(firm.loan, 3, Act("correct", commitment)),
            ("cred", "annotate", answer),
            _status(first, version, report, 1),
            reports.log(first, right, stage.now + 30 * DAY_MS),
        ],
        FIRST_BUREAU,
        SECOND_BANK,
    )
    stage.check(reports.check(stage, first, report).withdrawn, "the wrong report is revoked")
    stage.check(reports.check(stage, first, right).passed, "the right report holds")
    back = _status(first, version + 1, report, 0)
    stage.refused(REVOKED_RETURNS, "RULE", [back], FIRST_BUREAU)


def _forget(stage: Stage, firm: Firm) -> None:
    """The clock ends what is older than five years; both holders say that it is gone."""
    own = consent(
        stage, stage.id("ASK2"), firm.key, SECOND_BANK, "post-loan", stage.now + 30 * DAY_MS
    )  # fmt: skip
    stage.do("brings the firm's consent (after a loan, 30 days)", [own], SECOND_BANK)
    stage.until(
        lambda: stage.record("asset", firm.old)["state"] == "lapsed",
        "the five years of the old default are over",
    )
    ask = stage.on("asset", "act", firm.old, action="query", args={"purpose": "post-loan"})
    stage.refused(FORGOTTEN, "STATE", [ask], SECOND_BANK)
    paper, scope = stage.id("ERASED"), stage.digest("the old default")
    gone = [
        (
            "grant",
            "erased",
            {
                "id": firm.consent,
                "holder": stage.of(holder),
                "scope_digest": scope,
                "method": "key-destroyed",
            },
        )
        for holder in (FIRST_BUREAU, SECOND_BANK)
    ]
    erase = stage.on("asset", "act", firm.old, action="erase", evidence=[paper])
    stage.do(
        "erase the old default and say so, each for itself",
        [stage.paper(paper, "erasure_receipt", [firm.old]), erase, *gone],
        FIRST_BUREAU,
        SECOND_BANK,
    )
    for holder in (FIRST_BUREAU, SECOND_BANK):
        key = f"grant/erasure/{firm.consent}/{stage.of(holder)}/{scope.hex()}"
        stage.prove(f"the erasure by {stage.of(holder)}", key)


def _record(stage: Stage, firm: Firm, name: str, category: str, ended_at: int) -> CallSpec:
    tax = category == "tax"
    body = {
        "subject": firm.subject,
        "filer": stage.of(TAX_BUREAU if tax else SECOND_BANK),
        "bureau": stage.of(SECOND_BUREAU if tax else FIRST_BUREAU),
        "commitment": stage.digest(f"what {name} says").hex(),
        "category": category,
        "negative": not tax,
        "notified": True,
        "ended_at": ended_at,
    }
    return issue(name, "credit.record@1", body)


def _status(one: Issuer, version: int, report: Credential, value: int) -> CallSpec:
    args = {
        "list_id": one.list_id,
        "version": version,
        "changes": [{"index": report.index, "value": value}],
        "reason_code": "correction",
    }
    return ("cred", "status", args)


STORY = Story(
    name="credit",
    title={"zh": "身份与征信", "en": "A firm's identity and credit, by its consent"},
    organisations=(
        REGISTRY, FIRM, BANK, SECOND_BANK, TAX_BUREAU, FIRST_BUREAU, SECOND_BUREAU, CITY_DESK,
    ),
    profiles=("id.person@1", "credit.record@1"),
    accredited=(
        ("accredited_issuer", REGISTRY),
        ("PersonIdentity", REGISTRY),
        ("CreditReport", FIRST_BUREAU),
        ("CreditReport", SECOND_BUREAU),
        ("subject_channel", CITY_DESK),
    ),
    frauds={
        TOO_OLD: "RULE",
        REVOKED_RETURNS: "RULE",
        FORGOTTEN: "STATE",
        AFTER_THE_CONSENT: "CONSENT",
    },
    play=play,
)  # fmt: skip
