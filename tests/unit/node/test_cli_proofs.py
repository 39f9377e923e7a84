"""`hansa prove`, `anchor`, `seal`, `verify` against a chain in this process behind the real API."""

import base64
import hashlib
import json
from datetime import UTC, datetime

import msgspec
import pytest

from hansa.keys import public_key_text
from hansa.proof import decode_trust
from hansa.signing import SigningKey
from hansa.tlog import cosign, parse_tlog, witness_key
from node.clock import wall_ms
from tests.unit.hansa import tsa_scene
from tests.unit.hansa.tsa_scene import Authority
from tests.unit.node.test_cli_commands import letter, place, register

__all__ = ["letter", "place"]
COURT = SigningKey(b"a court's witness".ljust(32, b"."))


@pytest.fixture(autouse=True)
def _no_language(monkeypatch):
    monkeypatch.delenv("HANSA_LANG", raising=False)


async def proven(place, path, *more):
    """The six lines on a proof file."""
    return await place.json("verify", str(path), *more)


async def test_a_record_is_proven_by_its_contract_and_id(place, letter, tmp_path):
    done = await register(place, letter)
    path = tmp_path / "r.json"
    told = await place.json("prove", "record", "doc", done["id"], "-O", str(path))
    lines = await proven(place, path, "--file", str(letter))

    assert told["key"] == f"doc/record/{done['id']}"
    assert lines["content"]["verdict"] == "ok"
    assert lines["now"]["text"].startswith(
        f"document {done['id']} stands as given here, complete, v1, as of"
    )


async def test_members_and_keys_are_records_too(place, tmp_path):
    path = tmp_path / "m.json"
    await place.json("prove", "record", "org", "farm", "-O", str(path))

    assert (await proven(place, path))["now"]["text"].startswith("member farm stands as given here")


async def test_a_record_that_is_not_there_is_named_with_what_to_do(place):
    code, _, err = await place.hansa("prove", "record", "doc", "none")

    assert code == 66
    assert "record.not-found" in err
    assert "hansa prove absent doc/record/none" in err


async def test_that_nothing_lies_on_an_asset_is_proven(place, tmp_path):
    path = tmp_path / "free.json"
    await place.json("prove", "absent", "asset/held/R-7", "-O", str(path))
    lines = await proven(place, path)

    assert lines["now"]["text"].startswith("there is no encumbrance on R-7, as of height")
    assert lines["not_proven"]["text"] == "that there is no such thing outside of this chain"


async def test_what_is_there_is_not_proven_absent(place):
    code, _, err = await place.hansa("prove", "absent", "org/member/farm")

    assert code == 1
    assert "record.present" in err


def time_stamp(content, authority):
    digest = ("sha256", hashlib.sha256(content).digest())
    moment = datetime.fromtimestamp(wall_ms() // 1000, tz=UTC).strftime("%Y%m%d%H%M%SZ")
    return tsa_scene.token(authority, digest, moment=moment)


async def test_a_document_is_proven_with_its_recorded_time_stamp(place, letter, tmp_path):
    authority = Authority(
        start=datetime(2020, 1, 1, tzinfo=UTC), end=datetime(2100, 1, 1, tzinfo=UTC)
    )
    done = await register(place, letter)
    token = time_stamp(letter.read_bytes(), authority)
    place.chain.submit([("doc", "stamp", {"id": done["id"], "token_der": token})], "farm")
    path = tmp_path / "d.json"
    await place.json("prove", "document", str(letter), "-O", str(path))
    trust = tmp_path / "trust.json"
    believed = decode_trust(place.chain.trust())
    trust.write_bytes(msgspec.structs.replace(
        believed, time_authorities=tuple(map(tsa_scene.der, authority.chain))
    ).to_json())  # fmt: skip

    listed = await proven(place, path, "--file", str(letter), "--trust", str(trust))
    unlisted = await proven(place, path, "--file", str(letter))

    assert listed["time"]["verdict"] == "ok"
    assert " UTC by CN=tsa" in listed["time"]["text"]
    assert unlisted["time"]["verdict"] == "attention"
    assert "whom your trust file does not list" in unlisted["time"]["text"]
    assert listed["content"]["verdict"] == listed["signers"]["verdict"] == "ok"


async def test_a_time_stamp_of_another_document_turns_the_time_alone(place, letter, tmp_path):
    done = await register(place, letter)
    stamp, path = tmp_path / "t.tsr", tmp_path / "p.json"
    stamp.write_bytes(tsa_scene.response(time_stamp(b"another", Authority())))
    await place.json("prove", "tx", done["tx_id"], "--time", str(stamp), "-O", str(path))
    code, out, _ = await place.hansa("verify", str(path), "-o", "json")

    lines = json.loads(out)
    assert code == 1
    assert [name for name, line in lines.items() if line["verdict"] == "fail"] == ["time"]
    assert "it stamps another digest" in lines["time"]["text"]


async def test_a_file_that_nobody_registered_has_no_proof(place, tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    code, _, err = await place.hansa("prove", "document", str(tmp_path / "x"))

    assert code == 66
    assert "doc.not-found" in err


async def test_two_owners_of_one_file_are_told_apart(place, letter, tmp_path):
    await register(place, letter)
    await place.json("doc", "register", "--file", str(letter), "--as", "carrier", "--wait")
    code, _, err = await place.hansa("prove", "document", str(letter))
    path = tmp_path / "p.json"
    told = await place.json("prove", "document", str(letter), "--owner", "carrier", "-O", str(path))

    assert (code, "carrier, farm" in err) == (2, True)
    assert told["id"].startswith("carrier:")


async def test_a_folder_is_anchored_and_each_file_proven(place, tmp_path):
    folder = tmp_path / "scans"
    (folder / "more").mkdir(parents=True)
    for n in range(5):
        (folder / ("more" if n % 2 else ".") / f"{n}.pdf").write_bytes(b"scan %d" % n)
    done = await place.json("anchor", str(folder), "--as", "farm")
    path = tmp_path / "scans.proofs" / "more" / "3.pdf.proof.json"
    lines = await proven(place, path, "--file", str(folder / "more" / "3.pdf"))
    code, _, _ = await place.hansa("verify", str(path), "--file", str(folder / "0.pdf"))

    assert (done["count"], len(list((tmp_path / "scans.proofs").rglob("*.json")))) == (5, 5)
    assert lines["content"] == {
        "verdict": "ok",
        "text": "the file you hold is the one recorded",
        "note": f"sha-256 {hashlib.sha256(b'scan 3').hexdigest()[:12]}",
    }
    assert code == 1


async def test_an_empty_folder_is_not_anchored(place, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = await place.hansa("anchor", str(tmp_path / "empty"), "--as", "farm")

    assert code == 65
    assert "anchor.empty" in err


PERSON = {"name": "Li Lei", "born": "1990-01-01", "wage": 8000, "skills": ["crane", "weld"]}


async def sealed(place, tmp_path):
    path = tmp_path / "person.json"
    path.write_text(json.dumps(PERSON), encoding="utf-8")
    return path, await place.json("seal", str(path), "--as", "farm")


async def test_one_field_is_shown_and_the_others_stay_hidden(place, tmp_path):
    _, done = await sealed(place, tmp_path)
    path = tmp_path / "p.json"
    words = ["--reveal", done["salts"], "--fields", "skills", "-O", str(path)]
    await place.json("prove", "tx", done["tx_id"], *words)
    lines = await proven(place, path)
    whole = await proven(place, path, "--file", done["commitments"])

    assert lines["content"]["verdict"] == whole["content"]["verdict"] == "ok"
    assert lines["content"]["text"] == ("1 of 4 sealed fields shown as they were sealed: skills")
    assert json.loads(lines["content"]["note"]) == {"skills": ["crane", "weld"]}
    assert b"Li Lei" not in path.read_bytes()
    assert b"born" not in path.read_bytes()


async def test_salts_are_used_again_and_never_lost(place, tmp_path):
    path, done = await sealed(place, tmp_path)
    again = await place.json("seal", str(path))
    path.write_text('{"name":"Han Meimei"}', encoding="utf-8")
    code, _, err = await place.hansa("seal", str(path))

    assert again["root"] == done["root"]
    assert (code, "seal.exists" in err) == (73, True)


async def test_fields_need_the_salts_and_names_that_exist(place, tmp_path):
    _, done = await sealed(place, tmp_path)
    alone = await place.hansa("prove", "tx", done["tx_id"], "--fields", "name")
    words = ["--reveal", done["salts"], "--fields", "age"]
    unknown = await place.hansa("prove", "tx", done["tx_id"], *words)

    assert (alone[0], "reveal.fields" in alone[2]) == (2, True)
    assert (unknown[0], "reveal.unknown" in unknown[2]) == (65, True)
    assert "born, name, skills, wage" in unknown[2]


async def test_a_proof_leaves_as_a_tlog_proof_and_comes_back_with_a_witness(
    place, letter, tmp_path
):
    done = await register(place, letter)
    path, trust = tmp_path / "p.tlog-proof", tmp_path / "trust.json"
    await place.json("prove", "tx", done["tx_id"], "--tlog", "-O", str(path))
    body = parse_tlog(path.read_bytes()).note.body
    with path.open("a", encoding="utf-8") as file:
        file.write(cosign(body, "court.example", COURT, 1_795_341_700))
    believed = decode_trust(place.chain.trust())
    key = witness_key("court.example", COURT.public)
    trust.write_bytes(msgspec.structs.replace(believed, witnesses=(key,)).to_json())
    found = await place.json("verify", str(path), "--trust", str(trust))

    assert (found["tx_id"], found["validators"]) == (done["tx_id"], "signed")
    assert found["witnesses"] == ["court.example 2026-11-22 10:01:40 UTC"]
    assert public_key_text(COURT.public).startswith("ed25519:")


async def test_a_bent_tlog_proof_is_none(place, letter, tmp_path):
    done = await register(place, letter)
    path = tmp_path / "p.tlog-proof"
    await place.json("prove", "tx", done["tx_id"], "--tlog", "-O", str(path))
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[1] = "extra " + base64.b64encode(b"another").decode() + "\n"
    path.write_text("".join(lines), encoding="utf-8")

    assert (await place.hansa("verify", str(path)))[0] == 65


async def test_a_verdict_is_told_in_chinese(place, letter, tmp_path):
    done = await register(place, letter)
    path = tmp_path / "p.json"
    await place.json("prove", "tx", done["tx_id"], "-O", str(path))
    words = ["verify", str(path), "--file", str(letter), "--lang", "zh"]
    code, out, _ = await place.hansa(*words, "-o", "table")

    lines = out.splitlines()
    assert code == 0
    assert len(lines) == 6
    assert lines[0].startswith("内容")
    assert "您持有的文件与记录一致" in lines[0]
    assert lines[5].endswith("文件内容属实")
    assert (await proven(place, path))["content"]["text"].startswith("no file given")
