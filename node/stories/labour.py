"""Wages on a building site: six workers, 22 days, a payroll, the special account, an alert.

保障农民工工资支付条例 15, 24 to 33; 个人信息保护法 13, 28, 29. The chain knows the workers by
pseudonyms of this project alone, their accounts by commitments; faces never leave the gate.
"""

import json
from dataclasses import dataclass, field

from hansa.hashing import sha256
from hansa.merkle import leaf_hash, root_of_hashes
from hansa.signing import SigningKey
from hansa.vc.did_key import did_key
from node.stories.acting import PLAYED_MS, Act, acts, consent, issue, people
from node.stories.cast import BANK, BUILDER, LABOUR_BUREAU, SUBCONTRACTOR
from node.stories.offices import DEVELOPER, WORKERS
from node.stories.stage import DAY_MS, MINUTE_MS, Stage, Step, Story
from node.stories.wire import CallSpec

GHOST = "the gate counts a worker who has no contract"
REPLACED_ACCOUNT = "the subcontractor replaces the account of a worker"
WRONG_SUM = "the subcontractor drafts a payroll whose lines are not its total"
STEEL = "the special account pays for steel"
PROJECT, TEAM = "460000-2026-001", "rebar"
SIZE, DAYS, MONTH_DAYS = 6, 22, 30
DAY_RATE, DAY_MINUTES = 42_000, 480
"""Cents for a day, and the minutes of one."""
NOON_MS = 12 * 60 * MINUTE_MS


@dataclass(slots=True)
class Site:
    """The project as it grows.

    Attributes:
        workers: their keys; a key is a worker of this project and nobody else.
        officer: the key of the general contractor's labour officer.
        gate: the key of the gate; `device` is its subject.
        contracts: ids of the workers' contracts, in the same order.
        minutes: what each worked, by the gate's readings.
    """

    workers: list[SigningKey]
    officer: SigningKey
    gate: SigningKey
    device: str
    contracts: list[str]
    minutes: list[int] = field(default_factory=list)

    @property
    def wages(self) -> list[int]:
        """What is due to each, in cents."""
        return [minutes * DAY_RATE // DAY_MINUTES for minutes in self.minutes]


def play(stage: Stage) -> None:
    """Tell it."""
    site = _hire(stage)
    _count(stage, site)
    unpaid = _leave_unpaid(stage, site)
    period = _draw_up(stage, site)
    stolen = {"account": stage.digest("an account of the subcontractor").hex()}
    change = Act("change_account", stolen)
    stage.refused(REPLACED_ACCOUNT, "SIGN", acts(site.contracts[0], 3, change), SUBCONTRACTOR)
    _pay(stage, site, period)
    stage.until(
        lambda: stage.record("asset", unpaid)["state"] == "overdue",
        "the month to pay is over, its last seconds played, and nobody paid",
    )
    stage.warn(f"{unpaid} is overdue: told general contractor and labour bureau")
    stage.prove("the unpaid month", f"asset/record/{unpaid}")
    advance = stage.on(
        "asset", "act", unpaid, action="advance", args={"amount": sum(site.wages)}
    )  # fmt: skip
    stage.do("advances the wages and may claim them back", [advance], site.officer, BANK)
    stage.prove("the month, advanced", f"asset/record/{unpaid}")
    stage.prove("a contract and its account", f"asset/record/{site.contracts[0]}")


def _hire(stage: Stage) -> Site:
    """Contracts that each worker agrees to and signs; training; then they may enter."""
    names = [f"w{number}-{stage.tag}" for number in range(1, SIZE + 1)]
    workers = people(stage, WORKERS, "person", "worker", names)
    officer = stage.enrol(BUILDER, "labour-officer", "person", "labour_officer")
    gate = stage.enrol(BUILDER, f"gate-{stage.tag}", "device", "device")
    contracts = [stage.id(f"LC{number}") for number in range(1, SIZE + 1)]
    site = Site(workers, officer, gate, f"{stage.of(BUILDER)}/gate-{stage.tag}", contracts)
    until = stage.now + 365 * DAY_MS
    calls: list[CallSpec] = []
    for key, name in zip(workers, contracts, strict=True):
        calls += [
            consent(stage, f"{name}-consent", key, SUBCONTRACTOR, "employment", until),
            issue(name, "labour.contract@1", _contract(stage, key, name)),
        ]
    stage.do(f"brings the consents of {SIZE} workers and drafts their contracts", calls,
             SUBCONTRACTOR)  # fmt: skip
    stage.together(
        [
            Step(f"sign {name}", acts(name, 1, Act("sign")), [key, SUBCONTRACTOR])
            for key, name in zip(workers, contracts, strict=True)
        ]
    )
    training = stage.id("TRAINING")
    enter = Act("enter", evidence=[training])
    stage.do(
        "trains the team and lets it on the site",
        [
            stage.paper(training, "safety_training", contracts),
            *(call for name in contracts for call in acts(name, 2, enter)),
        ],
        BUILDER,
    )
    return site


def _count(stage: Stage, site: Site) -> None:
    """22 days of the gate by their roots, today man by man, and the timesheet."""
    days = [_day(site, number) for number in range(DAYS)]
    site.minutes = [sum(day[worker] for day in days) for worker in range(SIZE)]
    first_day = stage.now - MONTH_DAYS * DAY_MS
    batches = [
        _batch(site, number, day, first_day + number * DAY_MS) for number, day in enumerate(days)
    ]  # fmt: skip
    counted = stage.do(
        f"posts {DAYS} days of {SIZE} workers by their roots, {sum(site.minutes):,} minutes",
        batches,
        site.gate,
    )
    today: list[CallSpec] = []
    for number, contract in enumerate(site.contracts, 1):
        name = stage.id(f"DAY{number}")
        today += [_attendance(stage, name, contract), *acts(name, 1, Act("go_in"))]
    stage.do("counts six workers in this morning", today, site.gate)
    ghost = _attendance(stage, stage.id("DAY7"), stage.id("LC7"))
    stage.refused(GHOST, "RULE", [ghost], site.gate)
    sheet = json.dumps(
        {"id": stage.id("SHEET"), "project": PROJECT, "team": TEAM, "minutes": site.minutes}
    ).encode()
    stage.file("timesheet.json", sheet)
    paper = {
        "id": stage.id("SHEET"),
        "digest": sha256(sheet),
        "size": len(sheet),
        "kind": "timesheet",
        "media_type": "application/json",
        "signers_needed": [{"member": stage.of(one)} for one in (SUBCONTRACTOR, WORKERS)],
        "threshold": 2,
        "about": site.contracts,
    }
    stage.do(
        "sign the timesheet: the team's lead and all six",
        [("doc", "register", paper), ("doc", "sign", {"id": stage.id("SHEET"), "version": 1})],
        SUBCONTRACTOR,
        *site.workers,
    )
    stage.check(
        stage.record("doc", stage.id("SHEET"))["state"] == "complete", "the timesheet is complete"
    )  # fmt: skip
    stage.prove_tx("22 days by their roots", counted)
    stage.prove("the timesheet", f"doc/record/{stage.id('SHEET')}")


def _leave_unpaid(stage: Stage, site: Site) -> str:
    """A month that is drafted, signed and checked, and for which no money comes."""
    name, payroll = stage.id("PAY-08"), stage.id("ROLL-08")
    until = stage.now - MONTH_DAYS * DAY_MS + PLAYED_MS
    calls = [
        _period(stage, name, "2026-08", until),
        stage.paper(payroll, "payroll", [name]),
        *acts(name, 1, _draft(stage, site, payroll)),
        *_signatures(stage, site, name, payroll, 2),
        *acts(name, 2 + SIZE, Act("hand_in"), Act("check")),
    ]
    stage.do(f"draft, sign and check the payroll {name}; no money comes", calls,
             SUBCONTRACTOR, site.officer, *site.workers)  # fmt: skip
    return name


def _draw_up(stage: Stage, site: Site) -> str:
    """The month that is paid: its payroll adds up, and everybody in it signs."""
    name, payroll = stage.id("PAY-09"), stage.id("ROLL-09")
    stage.do(
        f"opens {name} and keeps its payroll",
        [
            _period(stage, name, "2026-09", stage.now - MINUTE_MS),
            stage.paper(payroll, "payroll", [name]),
        ],
        SUBCONTRACTOR,
    )
    wrong = _draft(stage, site, payroll, more=1)
    stage.refused(WRONG_SUM, "RULE", acts(name, 1, wrong), SUBCONTRACTOR)
    draft = _draft(stage, site, payroll)
    stage.do(f"drafts the payroll: {SIZE} lines, together {sum(site.wages):,} cents",
             acts(name, 1, draft), SUBCONTRACTOR)  # fmt: skip
    stage.do("sign the payroll, each his line", _signatures(stage, site, name, payroll, 2),
             *site.workers)  # fmt: skip
    stage.do("hand the payroll in and check it",
             acts(name, 2 + SIZE, Act("hand_in"), Act("check")),
             SUBCONTRACTOR, site.officer)  # fmt: skip
    return name


def _pay(stage: Stage, site: Site, period: str) -> None:
    """Into the special account, and out of it to the workers alone."""
    version, total = 4 + SIZE, sum(site.wages)
    account = stage.digest("the special account").hex()
    fund = Act("fund", {"amount": total, "account": account})
    stage.do(f"pay {total:,} cents into the special account", acts(period, version, fund),
             DEVELOPER, BANK)  # fmt: skip
    steel = Act("pay", {"amount": total, "purpose": "materials"})
    stage.refused(STEEL, "RULE", acts(period, version + 1, steel), BANK)
    bound = [_account(stage, name) for name in site.contracts]
    for name, commitment in zip(site.contracts, bound, strict=True):
        body = stage.record("asset", name)["body"]
        stage.check(
            isinstance(body, dict) and body["account"] == commitment,
            f"{name} still names the account that its worker signed for",
        )
    slips = stage.id("SLIPS")
    wages = Act("pay", {"amount": total, "purpose": "wages"})
    give = Act("give_slips", {"count": SIZE}, [slips])
    stage.do(
        f"pays {SIZE} workers to the accounts of their contracts and gives them slips",
        [
            stage.paper(slips, "pay_slips", [period, *bound]),
            *acts(period, version + 1, wages, give),
        ],
        BANK,
    )
    stage.prove("the pay slips", f"doc/record/{slips}")
    stage.prove("the paid month", f"asset/record/{period}")


def _contract(stage: Stage, key: SigningKey, name: str) -> dict[str, object]:
    return {
        "worker": did_key(key.public),
        "agent": stage.of(WORKERS),
        "employer": stage.of(SUBCONTRACTOR),
        "general_contractor": stage.of(BUILDER),
        "project": PROJECT,
        "team": TEAM,
        "trade": "steel fixer",
        "day_rate": DAY_RATE,
        "document": stage.digest(f"the text of {name}").hex(),
        "starts_at": stage.now - (MONTH_DAYS + 31) * DAY_MS,
        "ends_at": stage.now + 300 * DAY_MS,
        "account": _account(stage, name),
        "key": f"{PROJECT}/{did_key(key.public)}",
    }


def _account(stage: Stage, contract: str) -> str:
    """The commitment to a worker's account, which the bank can open."""
    return stage.digest(f"account of {contract}").hex()


def _day(site: Site, day: int) -> list[int]:
    """Minutes of each worker between the gate's in and out on a day."""
    return [DAY_MINUTES + (7 * day + 13 * number) % 45 for number in range(len(site.workers))]


def _batch(site: Site, day: int, minutes: list[int], begin: int) -> CallSpec:
    """A day of the gate: one reading for each worker."""
    readings = [
        json.dumps({"worker": did_key(key.public), "day": day, "minutes": one}).encode()
        for key, one in zip(site.workers, minutes, strict=True)
    ]
    first = day * SIZE + 1
    args = {
        "root": root_of_hashes([leaf_hash(one) for one in readings]),
        "count": SIZE,
        "first_seq": first,
        "last_seq": first + SIZE - 1,
        "device": site.device,
        "window": {"from": begin, "to": begin + NOON_MS},
        "summary": {"min": min(minutes) * 1_000, "max": max(minutes) * 1_000, "n": SIZE},
        "unit": "MIN",
    }
    return ("trace", "capture_batch", args)


def _attendance(stage: Stage, name: str, contract: str) -> CallSpec:
    body = {
        "contract": contract,
        "gate": stage.of(BUILDER),
        "agent": stage.of(WORKERS),
        "leader": stage.of(SUBCONTRACTOR),
        "day": stage.now - MINUTE_MS,
        "key": f"{contract}/today",
        "way": "card",
    }
    return issue(name, "labour.attendance@1", body)


def _period(stage: Stage, name: str, month: str, until: int) -> CallSpec:
    body = {
        "project": PROJECT,
        "key": f"{PROJECT}/{TEAM}/{month}/{stage.tag}",
        "subcontractor": stage.of(SUBCONTRACTOR),
        "general_contractor": stage.of(BUILDER),
        "owner": stage.of(DEVELOPER),
        "bank": stage.of(BANK),
        "agent": stage.of(WORKERS),
        "bureau": stage.of(LABOUR_BUREAU),
        "from": until - MONTH_DAYS * DAY_MS,
        "until": until,
        "workers": SIZE,
        "special_account": stage.digest("the special account").hex(),
    }
    return issue(name, "labour.payperiod@1", body)


def _draft(stage: Stage, site: Site, payroll: str, *, more: int = 0) -> Act:
    """The draft; `more` cents too many make it a wrong one."""
    args = {
        "lines": site.wages,
        "total": sum(site.wages) + more,
        "payroll": stage.digest(payroll).hex(),
    }
    return Act("draft", args, [payroll])


def _signatures(
    stage: Stage, site: Site, period: str, payroll: str, version: int
) -> list[CallSpec]:
    """Each worker's slip with his signature, and the action for each."""
    papers = [f"{payroll}-{number}" for number in range(1, SIZE + 1)]
    signed = [
        Act(
            "sign",
            {"payroll": stage.digest(payroll).hex(), "worker": did_key(key.public)},
            [paper],
        )
        for key, paper in zip(site.workers, papers, strict=True)
    ]
    kept = [stage.paper(paper, "worker_signature", [period]) for paper in papers]
    return [*kept, *acts(period, version, *signed)]


STORY = Story(
    name="labour",
    title={"zh": "农民工工资", "en": "Wages of a team of six on a building site"},
    organisations=(SUBCONTRACTOR, BUILDER, DEVELOPER, BANK, WORKERS, LABOUR_BUREAU),
    profiles=("labour.contract@1", "labour.attendance@1", "labour.payperiod@1"),
    frauds={GHOST: "RULE", WRONG_SUM: "RULE", REPLACED_ACCOUNT: "SIGN", STEEL: "RULE"},
    play=play,
)
