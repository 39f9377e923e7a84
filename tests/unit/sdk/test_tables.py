"""Tables and folders become events and documents; what is wrong with a row is told."""

import hashlib
import json

import pytest

from hansa.bulk.documents import Defaults, folder_rows, table_rows
from hansa.bulk.epcis_csv import epcis_rows, event_of
from hansa.bulk.rows import Failed, Row
from hansa.epcis import read_event
from hansa.errors import Rejected
from tests.unit.sdk.place import event_row, item, table


def events(rows):
    """The events of rows that could be read."""
    return [read_event(row.call.arguments()["event"]) for row in rows]


def test_a_row_is_the_event_that_its_columns_say(tmp_path):
    head = (
        "type,eventTime,action,bizStep,disposition,parentID,childEPCs,childQuantityList,"
        "readPoint,bizTransactionList,sourceList\n"
    )
    row = (
        f"AggregationEvent,2026-10-15T08:30:00+08:00,ADD,packing,in_progress,"
        f"https://id.gs1.org/00/095206001000000011,{item(1)} {item(2)},"
        f"https://id.gs1.org/01/09520600101231/10/L7 2.5 KGM,https://id.gs1.org/414/9520600100012,"
        f"po urn:epcglobal:cbv:bt:9520600100012:7; urn:epcglobal:cbv:bt:9520600100012:8,"
        f"possessing_party https://id.gs1.org/417/9520600100005\n"
    )
    (event,) = events(epcis_rows(table(tmp_path, row, head=head)))

    assert (event.kind, event.action, event.step) == ("AggregationEvent", "ADD", "packing")
    assert event.time == 1_792_024_200_000
    assert len(event.children) == 2
    assert [lot.micro for lot in event.child_lots] == [2_500_000]
    assert event.source.endswith("9520600100005")


def test_the_zone_is_that_of_the_time_unless_a_column_says_otherwise():
    base = {"eventTime": "2026-10-15T08:30:00Z", "action": "ADD", "epcList": item(1)}
    texts = [
        event_of(base).text,
        event_of(base | {"eventTime": "2026-10-15T08:30:00-05:30"}).text,
        event_of(base | {"eventTimeZoneOffset": "+08:00"}).text,
    ]

    zones = [json.loads(text)["eventTimeZoneOffset"] for text in texts]
    assert zones == ["+00:00", "-05:30", "+08:00"]


@pytest.mark.parametrize(
    ("cells", "code", "said"),
    [
        ({"eventTime": "2026-10-15T08:30:00"}, "epcis.time", "eventTime"),
        ({"eventTime": ""}, "epcis.missing", "eventTime"),
        ({"eventTime": "yesterday", "eventTimeZoneOffset": "+00:00"}, "epcis.time", "eventTime"),
        ({"action": "MAKE"}, "epcis.action", "action"),
        ({"epcList": ""}, "epcis.missing", "epcList"),
        ({"type": "Event"}, "epcis.type", "type"),
        ({"quantityList": "a b c d"}, "import.cell", "quantityList"),
        ({"quantityList": "urn:x much KGM"}, "import.cell", "no number"),
        ({"destinationList": "urn:x"}, "import.cell", "destinationList"),
    ],
)
def test_what_is_wrong_with_a_row_is_named(cells, code, said):
    good = {"eventTime": "2026-10-15T08:30:00Z", "action": "ADD", "epcList": item(1)}
    row = {name: cell for name, cell in (good | cells).items() if cell}
    with pytest.raises(Rejected) as caught:
        event_of(row)

    assert caught.value.code == code
    assert said in caught.value.detail


def test_a_bad_row_stops_no_other_one(tmp_path):
    path = table(tmp_path, event_row(1), event_row(2, action="MAKE"), "\n", event_row(4))
    rows = list(epcis_rows(path))

    assert [(type(row), row.number) for row in rows] == [(Row, 2), (Failed, 3), (Row, 5)]
    assert rows[1].document["fields"] == {"field": "action"}


@pytest.mark.parametrize(
    ("content", "code", "hint"),
    [
        (b"bizstep,epcList\n", "import.columns", "did you mean bizStep?"),
        (b"", "import.columns", "known:"),
        (b"action,action\n", "import.columns", "known:"),
        (b"action\nADD,ADD\n", "import.csv", "quote"),
        (b'action\n"ADD\n', "import.csv", "UTF-8"),
        (b"action\n\xff\n", "import.csv", "UTF-8"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, content, code, hint):
    path = tmp_path / "events.csv"
    path.write_bytes(content)
    with pytest.raises(Rejected) as caught:
        list(epcis_rows(path))

    assert caught.value.code == code
    assert hint in caught.value.hint


def test_a_folder_gives_a_digest_for_each_file_in_order(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/2.pdf", "a.txt", ".hidden", "c.txt"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "link").symlink_to(tmp_path / "a.txt")
    rows = list(folder_rows(tmp_path, Defaults("farm", "waybill", ("carrier",))))
    given = [row.call.arguments() for row in rows]

    assert [one["digest"] for one in given] == [
        hashlib.sha256(name).digest() for name in (b"a.txt", b"b/2.pdf", b"c.txt")
    ]
    assert given[1]["media_type"] == "application/pdf"
    assert given[0]["id"] == f"farm:{given[0]['digest'].hex()}"
    assert (given[0]["kind"], given[0]["threshold"]) == ("waybill", 1)


def test_a_table_of_documents_says_more_than_a_folder(tmp_path):
    (tmp_path / "w.pdf").write_bytes(b"waybill")
    head = "file,id,kind,needs,threshold,about,retain_until,meta.number\n"
    row = "w.pdf,W-7,waybill,farm carrier,1,R-1 R-2,2031-01-01T00:00:00Z,7\n"
    (found,) = table_rows(table(tmp_path, row, head=head), Defaults("farm"))
    given = found.call.arguments()

    assert given["digest"] == hashlib.sha256(b"waybill").digest()
    assert given["size"] == 7
    assert given["signers_needed"] == [{"member": "farm"}, {"member": "carrier"}]
    assert (given["threshold"], given["about"]) == (1, ["R-1", "R-2"])
    assert (given["retain_until"], given["meta"]) == (1_924_992_000_000, {"number": "7"})


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("none.pdf,,", "import.file"),
        (",,", None),
        (",12,", "import.cell"),
        (f",{'0' * 64},x", "import.cell"),
        (f"w.pdf,{'0' * 64},", "import.cell"),
        ("w.pdf,,8", "import.cell"),
    ],
)
def test_what_is_wrong_with_a_document_is_told(tmp_path, row, code):
    (tmp_path / "w.pdf").write_bytes(b"waybill")
    path = table(tmp_path, row + "\n", head="file,digest,size\n")
    found = list(table_rows(path, Defaults("farm")))

    assert [one.code for one in found] == ([] if code is None else [code])


def test_a_document_may_be_known_by_its_digest_alone(tmp_path):
    path = table(tmp_path, f"{'ab' * 32},9\n", head="digest,size\n")
    (found,) = table_rows(path, Defaults("farm"))

    assert found.call.arguments()["digest"] == b"\xab" * 32


def test_a_threshold_that_is_given_holds_for_every_file(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
    rows = folder_rows(tmp_path, Defaults("farm", needs=("farm", "carrier"), threshold=1))

    assert [row.call.arguments()["threshold"] for row in rows] == [1, 1]


@pytest.mark.parametrize(
    ("head", "row"),
    [("digest,size", f"{'ab' * 32},many"), ("digest,retain_until", f"{'ab' * 32},soon")],
)
def test_a_cell_of_a_document_that_says_nothing_is_told(tmp_path, head, row):
    (found,) = table_rows(table(tmp_path, row + "\n", head=head + "\n"), Defaults("farm"))

    assert (found.code, found.detail.partition(":")[0]) == ("import.cell", head.split(",")[1])
