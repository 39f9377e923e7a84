"""A broken manhole: reported, mended, checked by somebody else, and reported anew.

CJJ/T 106-2010; GB/T 30428.8-2020. Who handles a case never says that it is closed.
"""

from node.stories.acting import Act, acts, issue
from node.stories.offices import CITY_CENTRE, CITY_DESK, CITY_INSPECTOR, WATER
from node.stories.stage import Stage, Story

OWN_CASE = "the water company, an inspector elsewhere, closes its own case"
DAYS = 3
"""To mend it."""


def play(stage: Stage) -> None:
    """Tell it."""
    case = stage.id("CASE")
    photos = [stage.digest(f"photo {number}").hex() for number in (1, 2)]
    body = {
        "number": stage.id("HK-2026-0917"),
        "reporter": stage.of(CITY_DESK),
        "centre": stage.of(CITY_CENTRE),
        "category": "water",
        "latitude": 20_017_400,
        "longitude": 110_349_200,
        "photos": photos,
    }
    stage.do(
        "reports a manhole without its cover, with two photos",
        [issue(case, "city.case@1", body)],
        CITY_DESK,
    )
    dispatch = Act("dispatch", {"to": stage.of(WATER), "days": DAYS})
    stage.do(
        f"files {case} and gives it to the water company, {DAYS} days",
        acts(case, 1, Act("file"), dispatch),
        CITY_CENTRE,
    )
    _mend(stage, case, 3, "after")
    closed = {"outcome": "fixed"}
    stage.refused(OWN_CASE, "RULE", acts(case, 4, Act("close", closed)), WATER)
    stage.do("looks at it and closes it: fixed", acts(case, 4, Act("close", closed)),
             CITY_INSPECTOR)  # fmt: skip
    stage.prove("the case, closed", f"asset/record/{case}")
    stage.do(
        "reopens it for the citizen: the cover rocks",
        acts(case, 5, Act("reopen", {"reason": "the cover rocks when a car drives over it"})),
        CITY_DESK,
    )
    stage.do("gives it to the water company again", acts(case, 6, dispatch), CITY_CENTRE)
    _mend(stage, case, 7, "after-2")
    stage.do("looks at it again and closes it: fixed", acts(case, 8, Act("close", closed)),
             CITY_INSPECTOR)  # fmt: skip
    record = stage.record("asset", case)
    told = record["body"]
    stage.check(
        isinstance(told, dict)
        and told["reopened"] == 1
        and told["checked_by"] == stage.of(CITY_INSPECTOR),
        "the case says that it was reopened once and who checked it",
    )
    stage.warn("closed twice, fixed once: who counts cases by their records counts it so")
    stage.prove("the case, closed again", f"asset/record/{case}")


def _mend(stage: Stage, case: str, version: int, photo: str) -> None:
    """The company mends it and shows a photo of what it did."""
    paper = stage.id(photo)
    stage.do(
        "mends it and shows a photo",
        [
            stage.paper(paper, "photo_after", [case]),
            *acts(case, version, Act("finish", evidence=[paper])),
        ],
        WATER,
    )


STORY = Story(
    name="city",
    title={"zh": "井盖案件", "en": "A broken manhole, from the report to the check"},
    organisations=(CITY_DESK, CITY_CENTRE, WATER, CITY_INSPECTOR),
    profiles=("city.case@1",),
    accredited=(("city_inspector", CITY_INSPECTOR), ("city_inspector", WATER)),
    frauds={OWN_CASE: "RULE"},
    play=play,
)
