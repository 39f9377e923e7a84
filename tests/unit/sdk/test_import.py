"""Imports: each row is brought onto the chain once, over refusals, expiries and kills."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from hansa.bulk.documents import Defaults, folder_rows
from hansa.bulk.epcis_csv import epcis_rows
from hansa.bulk.importer import CALLS_A_TRANSACTION, EXPIRED_MAX, Import
from hansa.client import Client
from hansa.client.outbox import Outbox
from hansa.client.types import Fate
from hansa.epcis import parse_event_id
from hansa.errors import Rejected, Unavailable
from hansa.signing import SigningKey
from node.cli.root import run
from node.local_node import LocalNode
from tests.unit.sdk.place import Server, event_row, item, table


def event_key(name):
    """Where the record of an event stands."""
    return "trace/event/" + parse_event_id(name).hex()


@pytest.fixture
def importing(server, node, tmp_path):
    """Import rows as the roastery with a journal: the report."""

    def go(rows, journal="journal", member="roastery", **options):
        with Outbox(tmp_path / journal) as outbox:
            return Import(node, server.chain.key(member), outbox, **options).run(rows)

    return go


@pytest.fixture
def hansa(server, tmp_path, capsys):
    """Run a command line against the server: exit code, JSON document, stderr."""

    def go(*line, member="roastery"):
        key = tmp_path / f"{member}.json"
        if not key.exists():
            server.key_file(tmp_path, member)
        options = ["--as", member, "--key", str(key), "--api", server.url, "-o", "json"]
        code = run([*map(str, line), *options])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return go


# Carrying out


def test_rows_are_carried_out_in_order_and_once(importing, server, tmp_path):
    count = 2 * CALLS_A_TRANSACTION + 1
    path = table(tmp_path, *(event_row(number) for number in range(count)))
    first = importing(epcis_rows(path))
    height = server.chain.height
    again = importing(epcis_rows(path))
    afresh = importing(epcis_rows(path), journal="another")

    assert (first.rows, first.transactions, first.before, first.failed) == (count, 3, 0, [])
    assert (again.before, again.transactions) == (count, 0)
    assert [row.duplicate for row in afresh.carried] == [True] * count
    assert server.chain.height == height + 3, "only the journal that knew nothing sent anything"


def test_a_refused_row_is_told_and_its_neighbours_are_carried_out(importing, server, tmp_path):
    rows = [event_row(1), event_row(1, minute=30), event_row(2)]
    report = importing(epcis_rows(table(tmp_path, *rows)))
    (refused,) = report.failed

    assert [row.number for row in report.carried] == [2, 4]
    assert (refused.number, refused.code) == (3, "EXISTS")
    assert refused.document["fields"]
    assert report.transactions == 1


def test_a_mended_table_goes_on_with_the_same_journal(importing, server, tmp_path):
    importing(epcis_rows(table(tmp_path, event_row(1), event_row(2, action="MAKE"))))
    report = importing(epcis_rows(table(tmp_path, event_row(1), event_row(2))))

    assert (report.before, len(report.carried), report.failed) == (1, 2, [])


def test_the_same_row_twice_is_carried_out_once(importing, tmp_path):
    report = importing(epcis_rows(table(tmp_path, event_row(1), event_row(1))))

    assert [(row.number, row.duplicate) for row in report.carried] == [(3, True), (2, False)]


def test_a_key_that_nobody_knows_leaves_nothing_under_way(server, node, tmp_path):
    stranger = SigningKey(b"stranger".ljust(32, b"\0"))
    rows = epcis_rows(table(tmp_path, event_row(1)))
    with Outbox(tmp_path / "journal") as outbox:
        with pytest.raises(Rejected):
            Import(node, stranger, outbox).run(rows)

        assert outbox.pending == {}


def test_a_chain_that_stands_still_is_told_and_gone_on_with(importing, server, tmp_path):
    path = table(tmp_path, event_row(1), event_row(2))
    server.hold()
    with pytest.raises(Unavailable):
        importing(epcis_rows(path), within_s=0.1)
    server.release()
    report = importing(epcis_rows(path))

    assert (report.before, report.transactions) == (2, 1)
    assert all(len(server.heights_of(event_key(row.name))) == 1
               for row in report.carried)  # fmt: skip


def test_what_expired_is_signed_anew(importing, server, node, tmp_path):
    path = table(tmp_path, event_row(1))
    (row,) = epcis_rows(path)
    with Outbox(tmp_path / "journal") as outbox:
        desk = node.acting(server.chain.key("roastery"))
        outbox.put(desk.sign(row.call), [row.name])
    server.chain.advance(3600_000)
    report = importing(epcis_rows(path), expires_ms=2 * 3600_000)

    assert (report.before, report.transactions) == (0, 1)


def test_bytes_that_are_too_old_when_they_are_sent_leave_nothing_under_way(
    importing, server, tmp_path
):
    server.chain.advance(3600_000)
    with pytest.raises(Rejected, match=r"transaction\.expired"):
        importing(epcis_rows(table(tmp_path, event_row(1))), expires_ms=1)
    report = importing(epcis_rows(table(tmp_path, event_row(1))), expires_ms=2 * 3600_000)

    assert len(report.carried) == 1


class Standing(LocalNode):
    """A node that takes transactions, of which the first some end without a block."""

    lapses = 0

    def __init__(self, chain):
        super().__init__(chain)
        self.lapsed = set()

    async def submit(self, raws):
        self.hold()
        admission = await super().submit(raws)
        for tx_id in [*self._pending]:
            if tx_id in self.lapsed or len(self.lapsed) < self.lapses:
                self.lapsed.add(tx_id)
                del self._pending[tx_id]
        await self.release()
        return admission

    def _fate(self, tx_id):
        if tx_id in self.lapsed:
            return Fate(state="expired", code="transaction.expired")
        return super()._fate(tx_id)


@pytest.mark.parametrize("lapses", range(EXPIRED_MAX + 1))
def test_an_import_gives_up_when_nothing_but_expiries_comes(tmp_path, lapses):
    path = table(tmp_path, event_row(1))
    kind = type("Standing", (Standing,), {"lapses": lapses})
    with Server(kind) as server, Client(server.url) as node, Outbox(tmp_path / "out") as outbox:
        job = Import(node, server.chain.key("roastery"), outbox)
        if lapses < EXPIRED_MAX:
            assert job.run(epcis_rows(path)).transactions == 1
        else:
            with pytest.raises(Unavailable, match=r"import\.expired"):
                job.run(epcis_rows(path))
        assert outbox.pending == {}


def test_rows_that_are_too_much_together_are_carried_out_apart(tmp_path):
    """64 keys a transaction: two keys an event of one thing, and more for larger ones."""
    many = " ".join(item(number) for number in range(100, 130))
    rows = [event_row(number) for number in range(40)]
    rows += [event_row(50).replace(item(50), many)]
    rows += [event_row(51).replace(item(51), " ".join(item(n) for n in range(200, 270)))]
    path = table(tmp_path, *rows)
    with (
        Server(parameters={"transaction.keys": 64}) as server,
        Client(server.url) as node,
        Outbox(tmp_path / "out") as outbox,
    ):
        report = Import(node, server.chain.key("roastery"), outbox).run(epcis_rows(path))
    (refused,) = report.failed

    assert len(report.carried) == 41
    assert (refused.number, refused.code) == (43, "LIMIT")


# The commands


def test_the_command_imports_events_and_reports(hansa, server, tmp_path):
    path = table(tmp_path, event_row(1), event_row(2, action="MAKE"), event_row(1, minute=30))
    code, told, err = hansa("epcis", "import", path)

    assert code == 65
    assert (told["rows"], told["carried"], told["transactions"]) == (3, 1, 1)
    assert [(row["row"], row["code"]) for row in told["failed"]] == [
        (3, "epcis.action"),
        (4, "EXISTS"),
    ]
    assert "✗ row 4: EXISTS" in err
    assert "1 of 3 rows on the chain" in err
    assert told["journal"].endswith("events.csv.import")


def test_refusals_of_the_chain_alone_end_with_one(hansa, tmp_path):
    code, _, _ = hansa("epcis", "import", table(tmp_path, event_row(1), event_row(1, minute=30)))

    assert code == 1


def test_an_import_that_is_well_ends_with_nothing(hansa, tmp_path):
    path = table(tmp_path, event_row(1))
    first, _, _ = hansa("epcis", "import", path)
    again, told, _ = hansa("epcis", "import", path)

    assert (first, again, told["before"]) == (0, 0, 1)


def test_a_check_sends_nothing(hansa, server, tmp_path):
    path = table(tmp_path, event_row(1), event_row(2, action="MAKE"))
    height = server.chain.height
    code, told, _ = hansa("epcis", "import", path, "--check")

    assert (code, told["readable"], len(told["failed"])) == (65, 1, 1)
    assert server.chain.height == height
    assert not (tmp_path / "events.csv.import").exists()


def test_the_command_imports_a_folder_and_a_table_of_documents(hansa, server, tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / name).write_bytes(name.encode())
    code, told, _ = hansa("doc", "import", folder, "--kind", "waybill", "--needs", "carrier")
    rows = table(tmp_path, "papers/a.txt,copy-1\n", head="file,id\n", name="docs.csv")
    other, refused, _ = hansa("doc", "import", rows)

    name = f"roastery:{hashlib.sha256(b'a.txt').hexdigest()}"
    assert (code, told["carried"]) == (0, 2)
    assert server.chain.state(f"doc/record/{name}")["kind"] == "waybill"
    assert other == 1
    assert refused["failed"][0]["code"] == "EXISTS"


def test_a_checked_folder_is_read(hansa, tmp_path):
    (tmp_path / "papers").mkdir()
    code, told, _ = hansa("doc", "import", tmp_path / "papers", "--check")

    assert (code, told["rows"]) == (0, 0)


def test_a_journal_of_another_signer_is_refused(hansa, tmp_path):
    path = table(tmp_path, event_row(1))
    hansa("epcis", "import", path)
    code, told, _ = hansa("epcis", "import", path, member="farm")

    assert (code, told["error"]["code"]) == (65, "outbox.other")


def test_an_interrupted_command_says_how_to_go_on(hansa, server, tmp_path):
    path = table(tmp_path, event_row(1))
    server.hold()
    code, told, _ = hansa("epcis", "import", path, "--timeout", "100ms")

    assert (code, told["error"]["code"]) == (75, "import.interrupted")
    assert "same command again" in told["error"]["next"]


@pytest.mark.slow
def test_an_import_that_is_killed_again_and_again_brings_each_row_once(server, hansa, tmp_path):
    count = 40 * CALLS_A_TRANSACTION
    path = table(tmp_path, *(event_row(number) for number in range(count)))
    server.key_file(tmp_path, "roastery")
    line = [
        sys.executable, "-m", "node.cli", "epcis", "import", str(path), "--as", "roastery",
        "--key", str(tmp_path / "roastery.json"), "--api", server.url, "-o", "json",
    ]  # fmt: skip
    kills = 0
    for wanted in (3, 9, 20):
        child = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        start = server.chain.height
        while child.poll() is None and server.chain.height < start + wanted:
            time.sleep(0.005)  # another process works: there is nothing else to wait for
        if child.poll() is None:
            os.kill(child.pid, signal.SIGKILL)
            kills += 1
        child.wait()
    code, told, err = hansa("epcis", "import", path)

    assert kills == 3
    assert (code, told["carried"], told["failed"]) == (0, count, []), err
    heights = [server.heights_of(event_key(row["name"])) for row in told["results"]]
    assert all(len(found) == 1 for found in heights)
    assert server.chain.height == 40 + 1, "a transaction a chunk, and the block of the clock"


def test_a_process_that_dies_between_signing_and_sending_loses_and_doubles_nothing(
    server, node, tmp_path
):
    key = server.key_file(tmp_path, "farm")
    program = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from hansa.calls import doc
        from hansa.client import Client
        from hansa.client.outbox import Outbox
        from hansa.keyfile import open_key_file
        with Client({server.url!r}) as node, Outbox(Path({str(tmp_path / "out")!r})) as outbox:
            desk = node.acting(open_key_file(Path({str(key)!r})).key, outbox=outbox)
            desk.doc.register(id="done", digest=b"1" * 32)
            node.submit(desk.sign(doc.register(id="sent", digest=b"2" * 32)), "commit")
            desk.sign(doc.register(id="signed", digest=b"3" * 32))
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    died = subprocess.run([sys.executable, "-c", program], check=False)
    with Outbox(tmp_path / "out") as outbox:
        before = len(outbox.pending)
        settled = outbox.deliver(node)
        again = outbox.deliver(node)

    assert died.returncode == -signal.SIGKILL
    assert before == 2, "one was sent and not settled, one was never sent"
    assert [one.fate.state for one in settled] == ["committed", "committed"]
    assert again == []
    for name in ("done", "sent", "signed"):
        assert len(server.heights_of(f"doc/record/{name}")) == 1


def test_a_client_of_another_address_goes_on_with_the_same_bytes(server, tmp_path):
    with Client(server.url) as node, Outbox(tmp_path / "out") as outbox:
        signed = node.acting(server.chain.key("farm"), outbox=outbox).sign(
            next(iter(folder_rows(_one_file(tmp_path), Defaults("farm")))).call
        )
        assert [kept.signed.raw for kept in outbox.pending.values()] == [signed.raw]


def _one_file(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "a").write_bytes(b"a")
    return folder
