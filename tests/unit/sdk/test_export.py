"""An export holds everything of one member and nothing of others, and each proof holds."""

import csv
import hashlib
import json

import pytest

from hansa.bulk import export as exporting
from hansa.bulk.export import Export, names
from hansa.bulk.export_files import STATE, Folder, proof_of_tx
from hansa.client import Client
from hansa.consent import consent_digest, subject_of
from hansa.errors import Corrupt, Rejected, Unavailable
from hansa.proof import decode_trust, parse_proof, verify_proof
from hansa.signing import SigningKey, verify
from node.cli.root import run
from tests.unit.sdk.place import event_row

PERSON = SigningKey(b"person".ljust(32, b"\0"))


@pytest.fixture
def told(server, node, tmp_path):
    """A chain on which the roastery did some things, and others did theirs."""
    roastery, farm = (node.acting(server.chain.key(name)) for name in ("roastery", "farm"))
    from hansa.bulk.epcis_csv import epcis_rows
    from tests.unit.sdk.place import HEAD

    table = tmp_path / "events.csv"
    table.write_text(HEAD + event_row(1))
    for row in epcis_rows(table):
        roastery.do(row.call)
    roastery.doc.register(id="mine", digest=b"1" * 32)
    farm.doc.register(id="farm-own", digest=b"2" * 32)
    needed = [{"member": "farm"}, {"member": "roastery"}]
    farm.doc.register(id="ours", digest=b"3" * 32, signers_needed=needed, threshold=2)
    farm.doc.sign(id="ours", version=1)
    subject = subject_of(PERSON.public)
    until = server.chain.time + 3600_000
    said = consent_digest(
        server.chain.chain_id, "C-1", subject, "roastery", "credit", b"s" * 32, until
    )
    farm.grant.consent(
        id="C-1",
        subject=subject,
        controller="roastery",
        purpose="credit",
        scope_digest=b"s" * 32,
        until=until,
        key=PERSON.public,
        signature=PERSON.sign(said),
    )
    server.chain.advance(2 * 3600_000)
    return server


@pytest.fixture
def out(told, node, tmp_path):
    """The export of the roastery."""
    Export(node, "roastery", tmp_path / "out", lambda _: None).run()
    return tmp_path / "out"


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_holds_what_the_member_signed_is_named_in_or_has_a_record_of(out):
    found = [(row["calls"], row["why"]) for row in rows(out / "transactions.csv")]

    assert found == [
        ("trace.capture", "signed record"),
        ("doc.register", "signed named record"),
        ("doc.register", "named record"),
        ("doc.sign", "record"),
        ("grant.consent", "named record"),
        ("due.run", "named record"),
    ]


def test_it_holds_the_records_and_not_those_of_others(out):
    keys = {row["key"] for row in rows(out / "records.csv")}

    assert {"doc/record/mine", "doc/record/ours", "org/member/roastery"} <= keys
    assert "grant/consent/C-1" in keys
    assert not any("farm-own" in key for key in keys)
    assert "org/member/farm" not in keys


def test_each_kind_has_a_table_of_its_own(out):
    (event,) = rows(out / "events.csv")
    (consent,) = rows(out / "consents.csv")

    assert [row["id"] for row in rows(out / "documents.csv")] == ["mine", "ours"]
    assert [row["signed_by"] for row in rows(out / "documents.csv")] == ["", "farm"]
    assert (event["step"], event["wrong"]) == ("commissioning", "")
    assert (consent["purpose"], consent["state"]) == ("credit", "expired")


def test_json_and_tables_say_the_same(out):
    for name in ("transactions", "records"):
        whole = json.loads((out / f"{name}.json").read_bytes())
        key = "tx_id" if name == "transactions" else "key"

        assert [row[key] for row in whole] == [row[key] for row in rows(out / f"{name}.csv")]


def test_the_texts_of_events_are_in_it(out):
    (path,) = (out / "events").iterdir()
    (event,) = rows(out / "events.csv")

    assert path.stem in event["event"]
    assert json.loads(path.read_bytes())["bizStep"] == "commissioning"


def test_every_proof_holds_against_the_trust_file_beside_it(out):
    trust = decode_trust((out / "trust.json").read_bytes())
    named = [row["proof"] for name in ("transactions", "records")
             for row in rows(out / f"{name}.csv")]  # fmt: skip
    verdicts = [verify_proof(parse_proof((out / name).read_bytes()), trust, verify)
                for name in named]  # fmt: skip

    assert len(named) > 8
    assert {verdict.on_chain.verdict for verdict in verdicts} == {"ok"}


def test_the_manifest_names_every_file_with_its_digest(out):
    manifest = json.loads((out / "manifest.json").read_bytes())
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}

    assert manifest["format"] == "hansa/export@1"
    assert (manifest["member"], manifest["gaps"], manifest["missing"]) == ("roastery", [], {})
    assert {file["path"] for file in manifest["files"]} == there - {"manifest.json"}
    for file in manifest["files"]:
        content = (out / file["path"]).read_bytes()
        assert (file["size"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


class Breaking(Client):
    """A client whose node dies after some requests."""

    def __init__(self, url, requests):
        super().__init__(url)
        self.left = requests

    def _send(self, ask):
        self.left -= 1
        if self.left < 0:
            raise Unavailable("node.unreachable", "it died")
        return super()._send(ask)


def test_an_export_that_breaks_anywhere_goes_on_to_the_same_end(told, node, out, tmp_path):
    whole = {path.name: path.read_bytes() for path in out.glob("*.json")} | {
        path.name: path.read_bytes() for path in out.glob("*.csv")
    }
    broken = 0
    for requests in range(3, 60, 4):
        folder = tmp_path / f"broken-{requests}"
        with Breaking(told.url, requests) as dying:
            try:
                Export(dying, "roastery", folder, lambda _: None).run()
            except Unavailable:
                broken += 1
            else:
                continue
        Export(node, "roastery", folder, lambda _: None).run()

        again = {name: (folder / name).read_bytes() for name in whole}
        assert {name for name in whole if again[name] != whole[name]} <= {"manifest.json"}
        assert not (folder / STATE).exists()
    assert broken > 5


def test_rows_that_were_not_kept_are_cut_off(told, node, tmp_path):
    folder = tmp_path / "out"
    with Breaking(told.url, 30) as dying, pytest.raises(Unavailable):
        Export(dying, "roastery", folder, lambda _: None).run()
    with (folder / "records.rows").open("ab") as file:
        file.write(b'{"key": "torn')
    summary = Export(node, "roastery", folder, lambda _: None).run()

    assert summary.records == len(rows(folder / "records.csv"))


def test_what_is_no_folder_of_this_export_is_refused(out, node, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_bytes(b"")
    with Folder.open(tmp_path / "other", "another", "roastery", 1):
        pass
    for folder, code in (("out", "export.done"), ("full", "export.folder"),
                         ("other", "export.other")):  # fmt: skip
        with pytest.raises(Rejected, match=code.replace(".", r"\.")):
            Export(node, "roastery", tmp_path / folder, lambda _: None).run()


@pytest.mark.parametrize("content", [b"{", b'{"chain_id":"c","member":"m","to":1,"format":"x"}'])
def test_a_damaged_state_is_told(tmp_path, content):
    (tmp_path / STATE).write_bytes(content)
    with pytest.raises(Corrupt, match=r"export\.damaged"):
        Folder.open(tmp_path, "c", "m", 1)


def test_damaged_rows_are_told(tmp_path):
    with Folder.open(tmp_path, "c", "m", 1) as folder:
        folder.records.add({"key": "a"})
        folder.keep()
    content = (tmp_path / "records.rows").read_bytes()
    (tmp_path / "records.rows").write_bytes(content.replace(b"{", b"["))
    with pytest.raises(Corrupt, match=r"export\.damaged"):
        Folder.open(tmp_path, "c", "m", 1)


def test_nobody_is_no_member(node, tmp_path):
    with pytest.raises(Rejected, match=r"export\.member"):
        Export(node, "nobody", tmp_path / "out", lambda _: None).run()


def test_a_busy_node_is_asked_again(told, tmp_path, monkeypatch):
    class Busy(Client):
        def _send(self, ask):
            self.turn = not getattr(self, "turn", False)
            if self.turn:
                raise Unavailable("api.rate", "too many")
            return super()._send(ask)

    monkeypatch.setattr(exporting, "PAUSE_S", 0)
    with Busy(told.url) as node:
        summary = Export(node, "roastery", tmp_path / "out", lambda _: None).run()

    assert summary.transactions == 6


def test_a_block_that_is_gone_is_a_gap(told, tmp_path):
    class Pruned(Client):
        def block(self, height=None):
            if height == 2:
                raise Rejected("block.not-found", "pruned")
            return super().block(height)

    with Pruned(told.url) as node:
        summary = Export(node, "roastery", tmp_path / "out", lambda _: None).run()

    assert summary.gaps == 1
    assert json.loads((tmp_path / "out" / "manifest.json").read_bytes())["gaps"] == [2]


def test_a_proof_that_cannot_be_had_is_named(told, tmp_path):
    class Unproven(Client):
        def proof_state(self, key):
            if key == "doc/record/mine":
                raise Rejected("proof.gone", "no")
            return super().proof_state(key)

    with Unproven(told.url) as node:
        summary = Export(node, "roastery", tmp_path / "out", lambda _: None).run()
    missing = json.loads((tmp_path / "out" / "manifest.json").read_bytes())["missing"]

    assert summary.unproven == 1
    assert list(missing.values()) == ["proof.gone"]


def test_the_command_exports_and_verify_takes_each_proof(told, tmp_path, capsys):
    folder = tmp_path / "out"
    line = ["export", "--org", "roastery", "--to", str(folder), "--api", told.url, "-o", "json"]
    code, again = run(line), run(line)
    documents = capsys.readouterr().out
    codes = [
        run(["verify", str(path), "--trust", str(folder / "trust.json"), "-o", "json"])
        for path in sorted((folder / "proofs").rglob("*.json"))
    ]

    assert (code, again) == (0, 65)
    assert '"transactions": 6' in documents
    assert set(codes) == {0}


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("farm", True), ("farm/desk", True), ("farmer", False), ("a farm", False),
        (["x", {"y": ["farm"]}], True), ({"farm": 1}, True), (7, False), (None, False),
    ],
)  # fmt: skip
def test_a_name_is_found_wherever_it_stands(value, named):
    assert names(value, "farm") is named


@pytest.mark.parametrize("text", ["=1+2", "+1", "-1", "@SUM(A1)", "\tx"])
def test_no_text_of_another_member_is_computed_by_a_spreadsheet(tmp_path, text):
    with Folder.open(tmp_path, "c", "m", 1) as folder:
        row = {"key": "doc/record/a", "why": [text], "value": {"id": text, "kind": "a", "size": -1}}
        folder.records.add(row)
        folder.keep()
        folder.finish()
    (told,) = rows(tmp_path / "documents.csv")

    assert (told["id"], told["kind"], told["size"]) == ("'" + text, "a", "-1")
    assert json.loads((tmp_path / "records.json").read_bytes())[0] == row


def test_no_answer_of_a_node_names_a_file_outside_of_the_folder():
    assert proof_of_tx({"tx_id": "ab" * 32}) == f"proofs/tx/{'ab' * 32}.proof.json"
    with pytest.raises(ValueError, match="hex"):
        proof_of_tx({"tx_id": "../../../x"})
