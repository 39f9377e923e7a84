"""Who plays in the stories of offices and laboratories, beside those of `cast`.

All of them are invented; credit codes carry the check character of GB 32100-2015.
"""

from node.stories.cast import Organisation


def _uscc(name: str, number: str, zh: str, en: str) -> Organisation:
    return Organisation(name, "USCC", number, zh, en)


PLATFORM = _uscc("platform", "91310000MADEM0200H", "电子数据存证平台", "Evidence platform")
NOTARY = _uscc("notary", "12110000MADEM0300Y", "公证处", "Notary office")
STAMPER = _uscc("stamper", "91110000MADEM02206", "时间戳服务机构", "Time-stamp authority")
"""It signs tokens of RFC 3161; here it is played by a key of the story."""
FIRST_BUREAU = _uscc("bureau-1", "91310000MADEM0230L", "第一征信机构", "First credit bureau")
SECOND_BUREAU = _uscc("bureau-2", "91110000MADEM0340X", "第二征信机构", "Second credit bureau")
REGISTRY = _uscc("registry", "11460000MADEM0410H", "市场监管局", "Company registry")
FIRM = _uscc("firm", "91460000MADEM0420A", "海口五金厂", "Haikou hardware firm")
"""It asks for a loan; of its credit nothing but digests and pseudonyms stands on the chain."""
DATA_OFFICE = _uscc("data-office", "11460000MADEM02409", "数据主管部门", "Data authority")
HOUSING_BUREAU = _uscc("housing-bureau", "11460000MADEM0250A", "住建局", "Housing bureau")
WORKERS = _uscc("workers", "53460000MADEM02601", "工人服务机构", "Workers' service")
"""Keeps the links between workers and their pseudonyms, as the labour bureau does."""
DEVELOPER = _uscc("developer", "91460000MADEM0370R", "建设单位", "Owner of the works")
EAST_HOSPITAL = _uscc("hospital-east", "12460000MADEM02709", "东院", "East hospital")
NORTH_HOSPITAL = _uscc("hospital-north", "12460000MADEM0290B", "北院", "North hospital")
SOUTH_HOSPITAL = _uscc("hospital-south", "12440000MADEM0320H", "南院", "South hospital")
LABORATORY = _uscc("laboratory", "91460000MADEM02805", "联合实验室", "Joint laboratory")
CLINIC = _uscc("clinic", "12460000MADEM0430G", "社区诊所", "Clinic")
EVALUATOR = _uscc("evaluator", "12310000MADEM0310D", "评测中心", "Evaluation centre")
CITY_CENTRE = _uscc("city-centre", "11460000MADEM03601", "城市监督指挥中心", "Supervision centre")
CITY_DESK = _uscc("city-desk", "51110000MADEM02109", "市民热线", "Citizens' desk")
WATER = _uscc("water", "91460000MADEM0330M", "水务公司", "Water company")
CITY_INSPECTOR = _uscc("city-inspector", "52460000MADEM0380U", "核查队", "Street inspectors")
