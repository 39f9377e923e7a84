"""A receivable voucher: split, assigned, financed, and paid to those who hold it in the end.

Notice 77 of 2025 on supply-chain finance; Civil Code 545, 546, 768.
"""

from node.stories.cast import BANK, FARM, RETAILER, ROASTERY
from node.stories.stage import DAY_MS, Stage, Step, Story
from node.stories.wire import CallSpec

CORE, FIRST, SECOND = FARM, ROASTERY, RETAILER
"""The core enterprise owes; the first supplier delivered; the second delivered to the first."""
MORE_THAN_THERE_IS = "the first supplier splits 1,280,000 into 800,000 and 490,000"
SAME_INVOICE = "the core enterprise issues a second voucher on the same invoice"
TOO_LONG = "the core enterprise issues a voucher over 400 days"
WHOLE, KEPT, ASSIGNED = 128_000_000, 80_000_000, 48_000_000
"""Cents: 1,280,000.00, and its two parts."""
SMALL = 1_000_000
DAYS, DAYS_TOO_MANY = 150, 400
SOON_MS = 10_000
"""Until the small voucher falls due: nobody waits 150 days for the end of a story."""


def play(stage: Stage) -> None:
    """Tell it."""
    whole = stage.id("V")
    due_at = stage.now + DAYS * DAY_MS
    stage.do(
        f"promises 1,280,000.00 CNY in {DAYS} days: {whole}",
        [*_papers(stage, "V"), _voucher(stage, "V", due_at)],
        CORE,
    )
    again = _voucher(stage, "W", due_at, papers="V")
    stage.refused(SAME_INVOICE, "DUPLICATE", [*_papers(stage, "W", "trade_contract"), again], CORE)
    long = _voucher(stage, "L", stage.now + DAYS_TOO_MANY * DAY_MS)
    stage.refused(TOO_LONG, "RULE", [*_papers(stage, "L"), long], CORE)
    stage.do(f"accepts {whole}", [stage.on("asset", "act", whole, action="confirm")], FIRST)
    kept, assigned = _split(stage, whole)
    _assign(stage, assigned)
    _finance(stage, assigned)
    _pay(stage, ((kept, KEPT), (assigned, ASSIGNED)))
    books = stage.state(f"asset/root/{whole}")
    assert isinstance(books, dict)
    stage.check(books["issued"] == books["ended"] == WHOLE, "what was promised was paid, whole")
    stage.prove("the books of the voucher, issued and ended", f"asset/root/{whole}")
    _fall_due(stage)


def _split(stage: Stage, whole: str) -> tuple[str, str]:
    kept, assigned = stage.id("V-800"), stage.id("V-480")
    parts = [{"id": kept, "quantity": KEPT}, {"id": assigned, "quantity": ASSIGNED + SMALL}]
    stage.refused(
        MORE_THAN_THERE_IS, "SUM", [stage.on("asset", "split", whole, parts=parts)], FIRST
    )
    parts[1]["quantity"] = ASSIGNED
    split = stage.on("asset", "split", whole, parts=parts)
    stage.do(f"splits {whole} into 800,000.00 and 480,000.00", [split], FIRST)
    return kept, assigned


def _assign(stage: Stage, voucher: str) -> None:
    """The debtor is told in the same transaction (Civil Code 546)."""
    assign = stage.on("asset", "act", voucher, action="assign", args={"to": stage.of(SECOND)})
    done = stage.do(f"assigns {voucher} to the second supplier", [assign], FIRST, SECOND)
    told = [one["to"] for one in stage.events(done, "asset.notice")]
    stage.check([stage.of(CORE)] in told, "the debtor was told of the assignment")
    stage.prove_tx("the assignment, with the notice to the debtor", done)


def _finance(stage: Stage, voucher: str) -> None:
    args = {"amount": ASSIGNED - SMALL, "registration": stage.id("ZDW-2026")}
    finance = stage.on("asset", "act", voucher, action="finance", args=args)
    stage.do(f"finances {voucher} with 470,000.00 CNY", [finance], BANK, SECOND)
    stage.prove("the voucher that the bank holds", f"asset/record/{voucher}")
    stage.prove("nothing lies on it", f"asset/held/{voucher}")


def _pay(stage: Stage, owed: tuple[tuple[str, int], ...]) -> None:
    """To whoever holds each part now, and to nobody else."""
    stage.together(
        [
            Step(f"pays {voucher} in full", [_payment(stage, voucher, amount)], [CORE, holder])
            for (voucher, amount), holder in zip(owed, (FIRST, BANK), strict=True)
        ]
    )
    for voucher, _ in owed:
        stage.prove(f"{voucher.removesuffix(stage.tag)} paid", f"asset/record/{voucher}")


def _fall_due(stage: Stage) -> None:
    """The clock of the chain, on a voucher over a few seconds."""
    small, due_at = stage.id("S"), stage.now + SOON_MS
    stage.do(
        f"promises 10,000.00 CNY in {SOON_MS // 1_000} seconds: {small}",
        [*_papers(stage, "S"), _voucher(stage, "S", due_at, amount=SMALL)],
        CORE,
    )
    stage.do(f"accepts {small}", [stage.on("asset", "act", small, action="confirm")], FIRST)
    stage.until(lambda: stage.record("asset", small)["state"] == "due", f"{small} falls due")
    stage.do(f"pays {small} at maturity", [_payment(stage, small, SMALL)], CORE, FIRST)


def _payment(stage: Stage, voucher: str, amount: int) -> CallSpec:
    args = {"amount": amount, "payment": f"E2E-{voucher}"}
    return stage.on("asset", "act", voucher, action="pay", args=args)


def _papers(stage: Stage, name: str, *kinds: str) -> list[CallSpec]:
    """The invoice and the trade contract behind a voucher."""
    return [
        stage.paper(stage.id(f"{name}-{kind}"), kind, [stage.id(name)])
        for kind in kinds or ("invoice", "trade_contract")
    ]


def _voucher(
    stage: Stage, name: str, due_at: int, *, papers: str = "", amount: int = WHOLE
) -> CallSpec:
    """A voucher of the core enterprise for the first supplier; `papers`: whose invoice it uses."""
    invoice, contract = stage.id(f"{papers or name}-invoice"), stage.id(f"{name}-trade_contract")
    body = {
        "number": stage.id(f"YSZK-2026-{name}"),
        "debtor": stage.of(CORE),
        "creditor": stage.of(FIRST),
        "contract": stage.digest(contract).hex(),
        "invoices": [stage.digest(invoice).hex()],
        "due_at": due_at,
        "recourse": False,
    }
    issue = {
        "id": stage.id(name),
        "profile": "scf.voucher@1",
        "body": body,
        "quantity": amount,
        "unit": "CNY-cent",
        "evidence": [invoice, contract],
    }
    return ("asset", "issue", issue)


STORY = Story(
    name="voucher",
    title={"zh": "应收账款电子凭证", "en": "A receivable voucher over 1,280,000 CNY"},
    organisations=(CORE, FIRST, SECOND, BANK),
    profiles=("scf.voucher@1",),
    accredited=(("lender", BANK),),
    frauds={SAME_INVOICE: "DUPLICATE", TOO_LONG: "RULE", MORE_THAN_THERE_IS: "SUM"},
    play=play,
)
