"""Data between bureaus: asked for, answered in time, wrapped for one reader, used, put right.

政务数据共享条例 (2025); Eclipse Dataspace Protocol 2025-1. Each step stands in `grant`, which
holds the keys, and in the agreement's own record, which holds the law.
"""

from dataclasses import dataclass

from hansa.canonical_json import Json
from hansa.hashing import sha256
from hansa.seal import Recipient, SealKey, open_blob, read_header, seal_json, where_commit
from node.stories.acting import PLAYED_MS, Act, acts, issue
from node.stories.cast import LABOUR_BUREAU, TAX_BUREAU, Organisation
from node.stories.offices import DATA_OFFICE, HOUSING_BUREAU
from node.stories.stage import DAY_MS, Stage, Story
from node.stories.wire import CallSpec

CONSUMER, PROVIDER, THIRD = LABOUR_BUREAU, TAX_BUREAU, HOUSING_BUREAU
FOREIGN_AGREEMENT = "a third bureau presents the same agreement"
FOREIGN_KEY = "the content key is wrapped for the third bureau"
PURPOSE = "wage-supervision"
USES = 3
"""How often the data are used; both sides say so."""


@dataclass(frozen=True, slots=True)
class Deal:
    """Ids of the dataset and of the agreement; the terms on the table."""

    dataset: str
    agreement: str
    terms: bytes


def play(stage: Stage) -> None:
    """Tell it."""
    deal = Deal(stage.id("WAGE-TAX"), stage.id("AGR"), stage.digest("terms of the offer"))
    _publish(stage, deal)
    _ask(stage, deal)
    _agree(stage, deal)
    present = _of(stage, deal, "transfer", to="REQUESTED")
    stage.refused(FOREIGN_AGREEMENT, "AUTH", [present], THIRD)
    _deliver(stage, deal)
    _use(stage, deal)
    _put_right(stage, deal)
    stage.prove("the agreement", f"grant/agreement/{deal.agreement}")
    stage.prove(
        "what was delivered, and for whose key", f"grant/delivery/{deal.agreement}/00000001"
    )
    stage.prove("the agreement by law", f"asset/record/{deal.agreement}")


def _publish(stage: Stage, deal: Deal) -> None:
    """The catalogue: the tax bureau drafts, the data authority publishes."""
    descriptor = stage.digest("descriptor of the dataset")
    body = {
        "name": f"in-project wage tax status {stage.tag}",
        "owner": stage.of(PROVIDER),
        "authority": stage.of(DATA_OFFICE),
        "descriptor": descriptor.hex(),
        "class": "conditional",
        "refreshed_at": stage.now - DAY_MS,
    }
    entry = {
        "id": deal.dataset,
        "descriptor_digest": descriptor,
        "class": "conditional",
        "policy": {"purposes": [PURPOSE], "until": 0, "consent": False},
        "answer_ms": PLAYED_MS,
        "authority": stage.of(DATA_OFFICE),
    }
    stage.do(
        "put the dataset “in-project wage tax status” into the catalogue: conditional",
        [
            issue(deal.dataset, "gov.dataset@1", body),
            *acts(deal.dataset, 1, Act("publish")),
            ("grant", "publish", entry),
        ],
        PROVIDER,
        DATA_OFFICE,
    )


def _ask(stage: Stage, deal: Deal) -> None:
    """The labour bureau asks; the tax bureau lets the time to answer pass."""
    first, until = stage.digest("terms that the labour bureau asks for"), stage.now + 90 * DAY_MS
    request = {
        "id": deal.agreement,
        "dataset": deal.dataset,
        "offer": first,
        "purpose": PURPOSE,
        "legal_basis": "law",
        "until": until,
    }
    body = {
        "dataset": deal.dataset,
        "provider": stage.of(PROVIDER),
        "consumer": stage.of(CONSUMER),
        "authority": stage.of(DATA_OFFICE),
        "purpose": PURPOSE,
        "legal_basis": "保障农民工工资支付条例 38",
        "until": until,
        "terms": first.hex(),
    }
    stage.do(
        f"asks the tax bureau for it; 10 days to answer, played as {PLAYED_MS // 1_000} s",
        [
            ("grant", "request", request),
            issue(deal.agreement, "gov.share@1", body, action="request"),
        ],
        CONSUMER,
    )
    stage.until(
        lambda: bool(_agreement(stage, deal).get("escalated")),
        "the tax bureau did not answer in time: the data authority may answer in its place",
    )


def _agree(stage: Stage, deal: Deal) -> None:
    """The states of the protocol, one step after the other."""
    terms, agreement = deal.terms.hex(), stage.digest("the agreement").hex()
    offer = {"decision": "offer", "terms_digest": deal.terms}
    agree = {"decision": "agree", "terms_digest": deal.terms}
    signed = {"agreement": agreement}
    for version, (who, text, method, more, act) in enumerate(
        (
            (PROVIDER, "offers it after all, on other terms", "decide", offer,
             Act("make_offer", {"terms": terms})),
            (CONSUMER, "accepts the offer", "accept", {}, Act("take_offer", {"terms": terms})),
            (PROVIDER, "agrees", "decide", agree, Act("agree", signed)),
            (CONSUMER, "verifies the agreement", "verify", {}, Act("verify", signed)),
            (PROVIDER, "puts the agreement into force", "finalize", {}, Act("finalize")),
        ),
        1,
    ):  # fmt: skip
        step = _of(stage, deal, method, **more)
        stage.do(text, [step, *acts(deal.agreement, version, act)], who)
    stage.check(
        _agreement(stage, deal)["state"] == "FINALIZED"
        and stage.record("asset", deal.agreement)["state"] == "FINALIZED",
        "both records say FINALIZED",
    )


def _deliver(stage: Stage, deal: Deal) -> None:
    """Sealed for the labour bureau's key; whoever else holds the bytes holds noise."""
    own, foreign = _seal_key(stage, CONSUMER), _seal_key(stage, THIRD)
    stage.do(
        "asks for the transfer", [_of(stage, deal, "transfer", to="REQUESTED")], CONSUMER
    )  # fmt: skip
    rows: list[Json] = [{"project": "460000-2026-001", "declared": 6, "withheld": 6}]
    wrong = _sealed(stage, deal, THIRD, foreign, rows)
    stage.refused(FOREIGN_KEY, "SIGN", [_handing(stage, deal, wrong)], PROVIDER)
    blob = _sealed(stage, deal, CONSUMER, own, rows)
    handing = _handing(stage, deal, blob)
    digest = handing[2]["digest"]
    assert isinstance(digest, bytes)
    given = Act("deliver", {"to": stage.of(CONSUMER), "digest": digest.hex()})
    stage.do(
        "delivers the data, their key wrapped for the labour bureau",
        [handing, *acts(deal.agreement, 6, given)],
        PROVIDER,
    )
    opened = open_blob(blob, own)
    stage.check(b"460000-2026-001" in opened.payload, "the labour bureau opens what it was given")
    stage.file("delivery.sealed", blob)


def _use(stage: Stage, deal: Deal) -> None:
    """Receipts of both sides; they agree."""
    begin = _agreement(stage, deal)["finalized_at"]
    window = {"start": begin, "end": stage.now}
    said = {
        "id": deal.agreement,
        "receipt_digest": stage.digest("receipts of use"),
        "n": USES,
        "at_window": window,
    }
    stage.do(
        f"says that it used the data {USES} times",
        [("grant", "used", said), *acts(deal.agreement, 7, Act("use", {"count": USES}))],
        CONSUMER,
    )
    stage.do("says the same", [("grant", "used", said | {"version": 1})], PROVIDER)
    key = f"grant/use/{deal.agreement}/{window['start']}-{window['end']}"
    noted = stage.state(key)
    stage.check(isinstance(noted, dict) and not noted.get("mismatch"), "both sides say the same")
    stage.prove("how often it was used", key)


def _put_right(stage: Stage, deal: Deal) -> None:
    """校核: who finds an error says so, the field is marked until the owner answers."""
    field, claim = stage.digest("field withheld of worker 3"), stage.digest("claim")
    answer, version = stage.id("ANSWER"), stage.version("asset", deal.dataset)
    correction = {
        "id": stage.id("CORR"),
        "dataset": deal.dataset,
        "field_digest": field,
        "claim_digest": claim,
        "due": stage.now + 10 * DAY_MS,
    }
    mark = f"grant/mark/{deal.dataset}/{field.hex()}"
    stage.do(
        "claims that a field is wrong: it is marked at once",
        [
            ("grant", "correction", correction),
            *acts(deal.dataset, version, Act("claim_error", {"claim": claim.hex()})),
        ],
        CONSUMER,
    )
    stage.check(stage.state(mark) == stage.id("CORR"), "the field is marked as disputed")
    outcome = {
        "id": stage.id("CORR"),
        "version": 1,
        "outcome": "corrected",
        "answer_digest": stage.digest("what is right"),
    }
    stage.do(
        "corrects the field and answers",
        [
            ("grant", "answer_correction", outcome),
            stage.paper(answer, "correction_answer", [deal.dataset]),
            *acts(deal.dataset, version + 1, Act("answer", evidence=[answer])),
        ],
        PROVIDER,
    )
    stage.prove("the field is disputed no more", mark)


def _agreement(stage: Stage, deal: Deal) -> dict[str, object]:
    found = stage.state(f"grant/agreement/{deal.agreement}")
    return dict(found) if isinstance(found, dict) else {}


def _of(stage: Stage, deal: Deal, method: str, /, **args: object) -> CallSpec:
    """A call on the agreement as it stands."""
    version = _agreement(stage, deal)["version"]
    return ("grant", method, {"id": deal.agreement, "version": version, **args})


def _seal_key(stage: Stage, organisation: Organisation) -> SealKey:
    """The key to which others seal for an organisation, named on the chain unless it is."""
    member = stage.of(organisation)
    key = SealKey(stage.key(f"{member}-seal").seed)
    if stage.state(f"org/key/{key.id}") is None:
        stage.do(
            "names the key to which others seal",
            [("org", "seal_key", {"key": key.public})],
            stage.admin(organisation),
        )
    return key


def _sealed(stage: Stage, deal: Deal, to: Organisation, key: SealKey, rows: list[Json]) -> bytes:
    recipient = Recipient(stage.of(to), key.public)
    author, chain_id = stage.of(PROVIDER), stage.wire.chain_id
    sealed = seal_json(
        {"rows": rows}, [recipient], chain_id=chain_id, author=author, about=deal.agreement
    )  # fmt: skip
    return sealed.blob


def _handing(stage: Stage, deal: Deal, blob: bytes) -> CallSpec:
    """The call that hands over sealed data: their digest, their key wrapped."""
    digest = sha256(blob)
    wraps = [
        {"to_key_id": one.to_key_id, "alg": one.alg, "ek": one.ek}
        for one in read_header(blob).wraps
    ]
    more = {"digest": digest, "wraps": wraps, "where_commit": where_commit(digest), "seq": 1}
    return _of(stage, deal, "deliver", **more)


STORY = Story(
    name="sharing",
    title={"zh": "政务数据共享", "en": "Two bureaus share data under an agreement"},
    organisations=(CONSUMER, PROVIDER, DATA_OFFICE, THIRD),
    profiles=("gov.dataset@1", "gov.share@1"),
    frauds={FOREIGN_AGREEMENT: "AUTH", FOREIGN_KEY: "SIGN"},
    play=play,
)
