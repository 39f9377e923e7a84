"""Whatever an operator, a developer or a script can meet stands in docs/."""

import importlib
import re

import click
import pytest
from click.testing import CliRunner

from hansa.receipt import REFUSALS
from node.api.server import ApiServer, ApiSettings
from node.cli.errors import ExitCode
from node.cli.root import COMMANDS, root
from node.config import settings
from node.contracts import describe_contracts
from node.testing import LocalChain
from tests.tidy import error_codes, metrics_page
from tests.tidy.tree import ROOT, docs_text

REGENERATE = "run scripts/reference and look at what changed"


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def words_of(command, path=("hansa",)):
    """Every command of the tree as it is typed."""
    yield " ".join(path)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from words_of(command.get_command(context, name), (*path, name))


def routes():
    """Every route of the API: a server that listens nowhere knows them."""
    server = ApiServer(LocalChain(), ApiSettings(), version="0")
    return [(route.method, re.sub(r":[^{}]+\}", "}", route.path)) for route in server.routes]


def test_every_setting_is_in_the_guide_with_its_default():
    text = page("guides/configuration.md")

    missing = [
        setting.key
        for setting in settings()
        if f"| `{setting.key}` | `{setting.default}` | {setting.expected} |" not in text
    ]

    assert missing == []


def test_the_guide_names_no_setting_that_does_not_exist():
    rows = re.compile(r"^\| `([a-z0-9]+\.[a-z0-9_]+)` \| `", re.MULTILINE)

    named = set(rows.findall(page("guides/configuration.md")))

    assert named <= {setting.key for setting in settings()}


def test_every_command_is_in_the_guide():
    text = page("guides/cli.md")

    assert [words for words in words_of(root) if words not in text] == []


def test_the_guide_names_no_command_that_does_not_exist():
    known = set(words_of(root))
    heads = {words.split()[1] for words in known if " " in words}

    named = set(re.findall(r"(?:^|`|\$ )hansa ([a-z]+)\b", page("guides/cli.md"), re.MULTILINE))

    assert named - heads == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_listed_help_is_that_of_the_command(name):
    """The one line in the tree is written apart from the command, so that help loads nothing."""
    entry = COMMANDS[name]

    command = getattr(importlib.import_module(entry.module), entry.attribute)

    assert isinstance(command, click.Command)
    assert command.name == name
    done = CliRunner().invoke(root, [name, "--help"])
    assert done.exit_code == 0, done.output


def test_every_exit_code_is_in_the_guide():
    text = page("guides/cli.md")

    assert [code for code in ExitCode if not re.search(rf"\b{int(code)}\b", text)] == []


def test_every_route_is_in_the_specification():
    text = page("spec/api.md")

    assert [path for _, path in routes() if path not in text] == []


def test_every_refusal_of_contracts_is_in_the_specification():
    text = page("spec/contracts.md")

    assert [code for code in REFUSALS if not re.search(rf"\b{code}\b", text)] == []


def test_every_method_of_a_contract_is_in_the_specification():
    text = docs_text()

    missing = [
        f"{contract}.{method}"
        for contract, methods in describe_contracts().items()
        for method in methods
        if not re.search(rf"`(?:{contract}\.)?{method}\b", text)
    ]

    assert missing == []


def test_every_error_code_can_be_read_from_the_code():
    """A code that is computed cannot be documented: write it as a text."""
    _, unread = error_codes.raised()

    assert unread == []


def test_every_error_code_is_two_words_or_one_in_lower_case():
    found, _ = error_codes.raised()

    form = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*|refused\.[A-Z]+")
    assert [one.code for one in found if not form.fullmatch(one.code)] == []


def test_the_page_of_error_codes_is_up_to_date():
    assert page("spec/errors.md") == error_codes.page(), REGENERATE


def test_the_page_of_metrics_is_up_to_date():
    assert page("guides/metrics.md") == metrics_page.page(), REGENERATE


def test_every_link_between_pages_leads_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "sdk" / "README.md"]

    broken = [
        f"{source.relative_to(ROOT)}: {target}"
        for source in pages
        for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", source.read_text(encoding="utf-8"))
        if "://" not in target and not (source.parent / target).exists()
    ]

    assert broken == []


def test_every_module_that_the_architecture_names_exists():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

    named = set(re.findall(r"`([a-z0-9]+(?:/[a-z_]+)+\.py)`", text))

    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_every_verb_is_told_to_contributors():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    verbs = [path.name for path in (ROOT / "scripts").iterdir() if not path.name.startswith("_")]
    assert [verb for verb in verbs if f"`scripts/{verb}`" not in text] == []


def test_every_page_is_reached_from_the_index():
    text = page("index.md")

    pages = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    assert [
        name.as_posix() for name in pages if name.name != "index.md" and f"({name})" not in text
    ] == []


def test_every_page_that_code_cites_exists():
    cited = {
        match
        for path in [*ROOT.glob("*/**/*.py")]
        if ".venv" not in path.parts
        for match in re.findall(r"docs/[\w./-]+\.md", path.read_text(encoding="utf-8"))
    }

    assert [name for name in sorted(cited) if not (ROOT / name).is_file()] == []
