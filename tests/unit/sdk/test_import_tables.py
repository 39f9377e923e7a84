"""Tables of documents that somebody else wrote: what a row cannot make this machine do."""

import os

import pytest

from hansa.bulk.documents import Defaults, table_rows
from hansa.bulk.rows import CELL_CHARACTERS_MAX, Failed, Row
from hansa.encoding import decode_value
from hansa.errors import Rejected
from tests.unit.sdk.place import table

HEAD = "file,id,digest,size\n"
MINE = Defaults("roastery")


def read(folder, *rows):
    return list(table_rows(table(folder, *rows, head=HEAD, name="docs.csv"), MINE))


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/hostname", "link", "in/../../secret", "a\0b", "pipe", "in", "/dev/zero"],
)
def test_a_row_reads_no_file_but_those_below_its_table(tmp_path, name):
    folder = tmp_path / "folder"
    (folder / "in").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")
    (folder / "in" / "good").write_text("good")
    bad, good = read(folder, f"{name},a,,\n", "in/good,b,,\n")

    assert isinstance(bad, Failed)
    assert (bad.number, bad.code) == (2, "import.cell")
    assert isinstance(good, Row)


def test_a_file_that_is_not_there_is_told(tmp_path):
    (bad,) = read(tmp_path, "gone,a,,\n")

    assert bad.code == "import.file"


@pytest.mark.parametrize("size", ["9" * 5000, "1" * 19, "-1", "1.5", "٣", "=1"])
def test_a_number_that_is_none_fails_its_row_alone(tmp_path, size):
    bad, good = read(tmp_path, f",a,{'00' * 32},{size}\n", f",b,{'00' * 32},7\n")

    assert (bad.code, decode_value(good.call.args)["size"]) == ("import.cell", 7)


def test_a_cell_beyond_all_measure_ends_the_import_with_a_reason(tmp_path):
    with pytest.raises(Rejected, match=r"import\.csv"):
        read(tmp_path, f"{'x' * (CELL_CHARACTERS_MAX + 1)},a,,\n")
