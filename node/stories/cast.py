"""Who plays: the organisations of the stories, with their numbers in public registers.

All of them are invented. Credit codes carry the check character of GB 32100-2015, LEIs that of
ISO 17442, location numbers that of GS1 under its demo prefix 952. An organisation whose register
number is on the chain already is the member that has it, whatever that member's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation before it is looked up on a chain.

    Attributes:
        name: its member name, if it has to be admitted.
        scheme: of its register number: USCC, LEI, GLN or OTHER.
        number: that number.
        zh: its name in Chinese.
        en: its name in English.
        glns: its location numbers.
        prefixes: its GS1 company prefixes.
    """

    name: str
    scheme: str
    number: str
    zh: str
    en: str
    glns: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    @property
    def names(self) -> Mapping[str, str]:
        """Its names by language."""
        return {"zh": self.zh, "en": self.en}


def _uscc(  # noqa: PLR0913, PLR0917 - a row of the table below
    name: str,
    number: str,
    zh: str,
    en: str,
    glns: tuple[str, ...] = (),
    prefixes: tuple[str, ...] = (),
) -> Organisation:
    return Organisation(name, "USCC", number, zh, en, glns, prefixes)


FARM = _uscc(
    "farm", "91460000MADEM0011M", "海南咖啡农场", "Hainan bean farm", ("9520600000015",),
    ("9520601",),
)  # fmt: skip
"""Also the core enterprise of supply-chain finance."""
ROASTERY = _uscc(
    "roastery", "91310000MADEM002X2", "上海烘焙厂", "Shanghai roastery", ("9520600000022",),
    ("9520600",),
)  # fmt: skip
"""Also the first supplier; the brand owner of coffee and salmon."""
RETAILER = _uscc(
    "retailer", "91330100MADEM0038F", "杭州零售商", "Hangzhou retailer",
    ("9520600000039", "9520600000046"),
)  # fmt: skip
"""Also the second supplier; it has a distribution centre and a shop."""
CARRIER = _uscc("carrier", "91440300MADEM00625", "承运人", "Carrier", ("9520600000077",))
BANK = _uscc("bank", "91110000MADEM0046F", "示范银行", "Demo bank")
SECOND_BANK = Organisation(
    "second-bank", "LEI", "952000HANSADEMO0B285", "第二银行", "Second bank"
)  # fmt: skip
WAREHOUSE = _uscc(
    "warehouse", "91370200MADEM0054T", "青岛七号仓库", "Qingdao warehouse 7", ("9520600000053",)
)
PORT = Organisation("port", "GLN", "9520600000060", "示范港", "Demo port", ("9520600000060",))
TRADER = _uscc("trader", "91310000MADEM01501", "铜贸易商", "Copper trader")
INSPECTOR = _uscc("inspector", "91440000MADEM01691", "检验机构", "Inspection body")
BUILDER = _uscc("builder", "91420100MADEM0070D", "施工总承包单位", "General contractor")
SUBCONTRACTOR = _uscc("subcontractor", "91510100MADEM0089W", "分包单位", "Subcontractor")
COURT = _uscc("court", "11110000MADEM00970", "互联网法院", "Internet court")
TAX_BUREAU = _uscc("tax-bureau", "11460000MADEM01264", "税务局", "Tax bureau")
LABOUR_BUREAU = _uscc("labour-bureau", "11460000MADEM0134Y", "人社局", "Labour bureau")
