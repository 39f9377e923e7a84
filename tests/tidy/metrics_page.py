"""The page of all figures, made from the code; docs/guides/metrics.md."""

from node.api.middleware import ApiMetrics
from node.metrics import Metrics
from tests.tidy.tree import ROOT

PAGE = ROOT / "docs" / "guides" / "metrics.md"
_HEAD = """# Metrics

`GET /metrics` on a node's API address gives these figures in Prometheus' text form. Units are
base units (seconds, bytes); counters end with `_total`. Beside them stand the process's own
(`process_*`: memory, CPU, open files). This page is made from the code by `scripts/reference`; a
test fails when it is out of date.

| name | kind | what it counts |
| --- | --- | --- |"""


def figures():
    """Name, kind and help of every figure: the node's, then the API's."""
    yield from Metrics().described()
    for family in ApiMetrics()._registry.collect():
        ending = "_total" if family.type == "counter" else ""
        yield family.name + ending, family.type, family.documentation.rstrip(".") + "."


def page():
    """The reference page."""
    rows = [f"| `{name}` | {kind} | {text} |" for name, kind, text in figures()]
    return "\n".join([_HEAD, *rows]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
