"""Every published case that is at hand comes out as published (docs/guides/conformance.md)."""

import pytest

from tests.conformance.figures import COLLECTIONS, main

AT_LEAST = {
    "merkle": 122, "jcs": 4, "ed25519": 151, "epcis-hash": 34, "epcis": 35, "did-key": 5,
    "eddsa-jcs-2022": 1, "vc-data-model": 0,
}  # fmt: skip
"""Cases of each collection in the folder of vectors; a fuller folder has more."""


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_case_comes_out_as_published(vectors, name):
    cases = list(COLLECTIONS[name](vectors / name))

    assert [case for case, good in cases if not good] == []
    assert len(cases) >= AT_LEAST[name]


def test_the_figures_are_printed_and_tell_what_differs(vectors, capsys, tmp_path):
    assert main(vectors) == 0
    assert capsys.readouterr().out.count(" 0 otherwise") == len(COLLECTIONS)

    folder = tmp_path / "vc-data-model"
    folder.mkdir()
    (folder / "credential-nothing-ok.json").write_text("{}")
    assert main(tmp_path) == 1
    assert "1 otherwise  credential-nothing-ok.json" in capsys.readouterr().out
