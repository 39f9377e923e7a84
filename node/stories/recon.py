"""Reconciliation: September's freight of a shipper and its carrier, line by line, then a voucher.

Baseline's protocol without its machinery: commit, reveal, compare, adjust, agree, settle.
"""

from hansa.encoding import Value, encode_value
from hansa.hashing import sha256
from node.stories.books import MONEY, Book, Line, commit, open_statement, reveal, show, total
from node.stories.cast import CARRIER, ROASTERY
from node.stories.stage import DAY_MS, Stage, Story

SHIPPER = ROASTERY
BILLED_AGAIN = "the carrier bills a waybill of September again in October"
WAYBILLS, BOXES, PRICE, SURCHARGE = 40, 40, 2_500, 30_000
"""Waybills of the month; boxes of each; cents a box; cents of fuel surcharge on one of them."""
SHORT_ONE, SURCHARGED_ONE, TWICE_BILLED = 7, 19, 40
"""Numbers of the lines that differ; the last one bills waybill 12 a second time."""
ORIGINAL, MISSING_BOXES = 12, 2
PIECES = "BOX"


def play(stage: Stage) -> None:
    """Tell it."""
    _deliver(stage)
    statement = stage.id("SEP")
    shipper, carrier = _books(stage)
    open_statement(stage, statement, (SHIPPER, CARRIER), month=9)
    show(stage, statement, (SHIPPER, shipper), (CARRIER, carrier))
    _compare(stage, statement, carrier)
    _adjust(stage, statement)
    amounts = _agree(stage, statement)
    _settle(stage, statement, amounts)
    _bill_again(stage, carrier)
    stage.prove("the agreed statement", f"match/record/{statement}")
    source = f"match/billed/{stage.of(CARRIER)}/{_waybill(stage, ORIGINAL)}/1"
    stage.prove("the waybill is billed in that statement", source)
    stage.prove("the line that was short", f"match/difference/{statement}/{_key(SHORT_ONE)}")


def _deliver(stage: Stage) -> None:
    """What happened before: 40 deliveries with their papers."""
    papers = [stage.paper(_waybill(stage, n), "waybill") for n in range(1, WAYBILLS)]
    stage.do(f"registers {len(papers)} waybills of September", papers, CARRIER)
    pod = stage.id(f"POD-{SHORT_ONE}")
    stage.do(
        f"registers {pod}: {BOXES - MISSING_BOXES} of {BOXES} boxes came",
        [stage.paper(pod, "pod", [_waybill(stage, SHORT_ONE)])],
        SHIPPER,
    )


def _books(stage: Stage) -> tuple[Book, Book]:
    """What each side says; the carrier's last line is waybill 12 under another key."""
    ours = [_line(stage, number) for number in range(1, WAYBILLS)]
    theirs = [_line(stage, number) for number in range(1, WAYBILLS)]
    ours[SHORT_ONE - 1]["amounts"] = _amounts(BOXES - MISSING_BOXES)
    theirs[SURCHARGED_ONE - 1]["amounts"] = _amounts(BOXES, SURCHARGE)
    theirs.append(_line(stage, TWICE_BILLED, document=ORIGINAL))
    return (
        Book(stage.of(SHIPPER), tuple(ours), stage.digest("salt of the shipper")),
        Book(stage.of(CARRIER), tuple(theirs), stage.digest("salt of the carrier")),
    )


def _compare(stage: Stage, statement: str, carrier: Book) -> None:
    """Each compares the books for itself and finds the same."""
    matching = [
        line
        for number, line in enumerate(carrier.lines, 1)
        if number not in (SHORT_ONE, SURCHARGED_ONE, TWICE_BILLED)
    ]
    codes = {SHORT_ONE: "QTY_DIFF", SURCHARGED_ONE: "PRICE_DIFF", TWICE_BILLED: "DUP_B"}
    verdicts = [codes.get(number, "MATCH") for number in range(1, WAYBILLS + 1)]
    counts = {code: verdicts.count(code) for code in dict.fromkeys(verdicts)}
    digest = sha256(encode_value([*verdicts]))
    told = ", ".join(f"{count} {code}" for code, count in counts.items())
    for who in (SHIPPER, CARRIER):
        found = stage.on(
            "match", "result", statement, digest=digest, counts=counts, payable=total(matching)
        )
        stage.do(f"finds {told}", [found], who)
    for number, code in codes.items():
        mine: dict[str, object] = {"line_key": _key(number), "code": code, "mine": {}}
        if code != "DUP_B":
            mine["mine"] = _amounts(BOXES)
        if number == SHORT_ONE:
            came, pod = _amounts(BOXES - MISSING_BOXES), stage.id(f"POD-{SHORT_ONE}")
            mine |= {"mine": came, "evidence": stage.digest(pod)}
        named = stage.on("match", "differ", statement, **mine)
        stage.do(f"names the difference {_key(number)}: {code}", [named], SHIPPER)


def _adjust(stage: Stage, statement: str) -> None:
    """What came is paid, the surcharge is not owed, the double line is dropped."""
    for number, text, change in (
        (SHORT_ONE, "to 38 boxes", {"value": _amounts(BOXES - MISSING_BOXES)}),
        (SURCHARGED_ONE, "without the fuel surcharge", {"value": _amounts(BOXES)}),
        (TWICE_BILLED, "away", {"drop": True}),
    ):
        call = stage.on("match", "adjust", statement, line_key=_key(number), **change)
        stage.do(f"adjust {_key(number)} {text}", [call], SHIPPER, CARRIER)


def _agree(stage: Stage, statement: str) -> dict[str, Value]:
    call = stage.on("match", "agree", statement)
    stage.do(f"agree to {statement}", [call], SHIPPER, CARRIER)
    amounts = stage.record("match", statement)["amounts"]
    assert isinstance(amounts, dict)
    boxes = (WAYBILLS - 1) * BOXES - MISSING_BOXES
    stage.check(amounts == {MONEY: boxes * PRICE, PIECES: boxes}, "what came is what is owed")
    return amounts


def _settle(stage: Stage, statement: str, amounts: dict[str, Value]) -> None:
    """The statement turns into a voucher in the same transaction."""
    voucher, papers = stage.id("SV"), [stage.id("SEP-invoice"), stage.id("SEP-contract")]
    body = {
        "number": stage.id("YSZK-2026-09"),
        "debtor": stage.of(SHIPPER),
        "creditor": stage.of(CARRIER),
        "contract": stage.digest(papers[1]).hex(),
        "invoices": [stage.digest(papers[0]).hex()],
        "due_at": stage.now + 90 * DAY_MS,
        "recourse": False,
    }
    issue = {
        "id": voucher,
        "profile": "scf.voucher@1",
        "body": body,
        "quantity": amounts[MONEY],
        "unit": "CNY-cent",
        "evidence": papers,
    }
    reference = stage.id("E2E-SEP")
    settle = stage.on(
        "match", "settle", statement, payment_ref=reference, amounts=amounts, asset_id=voucher
    )
    done = stage.do(
        f"settle {statement} with the voucher {voucher}",
        [
            stage.paper(papers[0], "invoice", [voucher]),
            stage.paper(papers[1], "trade_contract", [voucher]),
            ("asset", "issue", issue),
            settle,
        ],
        SHIPPER,
        CARRIER,
    )
    stage.prove_tx("the settlement with its voucher", done)


def _bill_again(stage: Stage, carrier: Book) -> None:
    """October's book of the carrier has a line of September in it."""
    statement = stage.id("OCT")
    open_statement(stage, statement, (SHIPPER, CARRIER), month=10)
    again = Book(carrier.party, carrier.lines[ORIGINAL - 1 : ORIGINAL], carrier.salt)
    empty = Book(stage.of(SHIPPER), (), stage.digest("salt of October"))
    for who, book in ((SHIPPER, empty), (CARRIER, again)):
        text = f"commits to October, {len(book.lines)} lines"
        stage.do(text, [commit(stage, statement, book)], who)
    stage.refused(BILLED_AGAIN, "DUPLICATE", [reveal(stage, statement, again)], CARRIER)


def _line(stage: Stage, number: int, document: int | None = None) -> Line:
    return {
        "key": _key(number),
        "issuer": stage.of(CARRIER),
        "document": _waybill(stage, document or number),
        "line": "1",
        "amounts": _amounts(BOXES),
    }


def _amounts(boxes: int, surcharge: int = 0) -> dict[str, Value]:
    return {MONEY: boxes * PRICE + surcharge, PIECES: boxes}


def _key(number: int) -> str:
    return f"L{number:02d}"


def _waybill(stage: Stage, number: int) -> str:
    return stage.id(f"WB-{number:02d}")


STORY = Story(
    name="recon",
    title={"zh": "运费对账", "en": "Reconciliation of 40 waybill lines"},
    organisations=(SHIPPER, CARRIER),
    profiles=("recon.threeway@1", "scf.voucher@1"),
    frauds={BILLED_AGAIN: "DUPLICATE"},
    play=play,
)
