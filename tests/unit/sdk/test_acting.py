"""Acting on the chain with both clients: calls are carried out, or the error says why not."""

import asyncio
import inspect

import pytest

from hansa.calls import doc
from hansa.client import AsyncClient, Client
from hansa.client.acting import Acting, AsyncActing, TransactionRefused
from hansa.client.outbox import Outbox
from hansa.errors import Rejected, Unavailable
from hansa.partial import decode_partial
from hansa.signing import SigningKey, verify

A, B = b"a" * 32, b"b" * 32


def test_a_method_is_carried_out_when_it_returns(server, node):
    done = node.acting(server.chain.key("farm")).doc.register(id="a", digest=A)

    assert done.result == {"id": "a", "state": "complete", "version": 1}
    assert done.height == server.chain.height
    assert server.chain.state("doc/record/a")["controller"] == "farm"


def test_several_calls_are_carried_out_in_one_transaction(server, node):
    done = node.acting(server.chain.key("farm")).do(
        doc.register(id="a", digest=A), doc.register(id="b", digest=B)
    )

    assert [result["id"] for result in done.results] == ["a", "b"]
    assert server.heights_of("doc/record/a") == server.heights_of("doc/record/b")


def test_cosigners_sign_beside_the_sender(server, node):
    desk = node.acting(server.chain.key("farm"), [server.chain.key("carrier")])
    needed = [{"member": "farm"}, {"member": "carrier"}]
    desk.doc.register(id="a", digest=A, signers_needed=needed, threshold=2)
    done = desk.doc.sign(id="a", version=1)

    assert done.result["state"] == "complete"


def test_a_refusal_says_what_was_had_and_needed(server, node):
    desk = node.acting(server.chain.key("farm"))
    desk.doc.register(id="a", digest=A)
    with pytest.raises(TransactionRefused) as caught:
        desk.do(doc.register(id="b", digest=B), doc.withdraw(id="a", version=1))

    error = caught.value
    assert (error.code, error.refusal, error.call) == ("refused.STATE", "STATE", 1)
    assert error.fields["have"] == "complete"
    assert server.chain.state("doc/record/b") is None


def test_a_node_that_does_not_take_it_leaves_nothing_pending(server, node, tmp_path):
    stranger = SigningKey(b"stranger".ljust(32, b"\0"))
    with Outbox(tmp_path / "out") as outbox:
        with pytest.raises(Rejected):
            node.acting(stranger, outbox=outbox).doc.register(id="a", digest=A)

        assert outbox.pending == {}
        assert [settled.fate.state for settled in outbox.settled.values()] == ["refused"]


def test_what_is_not_final_in_time_stays_pending_and_commits_once_later(server, node, tmp_path):
    server.hold()
    with Outbox(tmp_path / "out") as outbox:
        desk = node.acting(server.chain.key("farm"), outbox=outbox, within_s=0.1)
        with pytest.raises(Unavailable, match=r"wait\.timeout|quorum\.missing"):
            desk.doc.register(id="a", digest=A)
        assert len(outbox.pending) == 1
        server.release()
        (settled,) = outbox.deliver(node)

        assert settled.fate.state == "committed"
    assert len(server.heights_of("doc/record/a")) == 1


def test_an_expired_transaction_is_told_as_one(server, node, tmp_path):
    with Outbox(tmp_path / "out") as outbox:
        desk = node.acting(server.chain.key("farm"), outbox=outbox)
        desk.sign(doc.register(id="a", digest=A))
        server.chain.advance(3600_000)
        (settled,) = outbox.deliver(node)

        assert settled.fate.state == "expired"
    assert server.chain.state("doc/record/a") is None


def test_a_draft_travels_between_signers(server, node):
    farm, carrier = server.chain.key("farm"), server.chain.key("carrier")
    node.acting(farm).doc.register(
        id="a", digest=A, signers_needed=[{"member": "farm"}, {"member": "carrier"}], threshold=2
    )
    draft = node.acting(farm).draft(doc.sign(id="a", version=1), others=[carrier.public])
    there = decode_partial(draft.to_json(), verify)
    reply = node.resubmit(there.sign(carrier).complete(), 5)

    assert reply.fate.state == "committed"
    assert server.chain.state("doc/record/a")["state"] == "complete"


async def test_the_asynchronous_client_does_the_same(server, tmp_path):
    key, cosigner = server.chain.key("farm"), server.chain.key("carrier")
    async with AsyncClient(server.url) as node:
        with Outbox(tmp_path / "out") as outbox:
            desk = node.acting(key, [cosigner], outbox)
            done = await desk.doc.register(id="a", digest=A)
            both = await asyncio.gather(
                desk.doc.register(id="b", digest=B), desk.do(doc.register(id="c", digest=b"c" * 32))
            )
            await desk.sign(doc.register(id="d", digest=b"d" * 32))
            delivered = await outbox.deliver_async(node)
            draft = await desk.draft(doc.register(id="e", digest=b"e" * 32), others=[])
            with pytest.raises(TransactionRefused, match=r"refused\.EXISTS"):
                await desk.doc.register(id="a", digest=A)

            assert done.result["id"] == "a"
            assert [one.result["id"] for one in both] == ["b", "c"]
            assert [one.fate.state for one in delivered] == ["committed"]
            assert draft.missing == ()
            assert outbox.pending == {}


async def test_the_asynchronous_client_settles_what_nobody_took(server, tmp_path):
    stranger = SigningKey(b"stranger".ljust(32, b"\0"))
    async with AsyncClient(server.url) as node:
        with Outbox(tmp_path / "out") as outbox:
            with pytest.raises(Rejected):
                await node.acting(stranger, outbox=outbox).doc.register(id="a", digest=A)

            assert outbox.pending == {}


async def test_the_asynchronous_client_knows_what_expired(server, tmp_path):
    async with AsyncClient(server.url) as node:
        with Outbox(tmp_path / "out") as outbox:
            await node.acting(server.chain.key("farm"), outbox=outbox).sign(
                doc.register(id="a", digest=A)
            )
            server.chain.advance(3600_000)
            (settled,) = await outbox.deliver_async(node)

    assert settled.fate.state == "expired"


def test_both_kinds_of_acting_have_the_same_methods():
    def methods(kind):
        return {
            name: list(inspect.signature(value).parameters)
            for name, value in vars(kind).items()
            if inspect.isfunction(value) and not name.startswith("_")
        }

    assert methods(Acting) == methods(AsyncActing)


def test_nothing_is_signed_for_a_chain_that_nobody_named(server, tmp_path):
    with Outbox(tmp_path / "out") as outbox, Client("http://127.0.0.1:9") as dead:
        desk = dead.acting(server.chain.key("farm"), outbox=outbox, within_s=0.1)
        with pytest.raises(Unavailable, match=r"node\.unreachable"):
            desk.doc.register(id="a", digest=A)

        assert outbox.pending == {}


class Cutting(Client):
    """A client whose first reply to a submission is lost on the way."""

    lost = 0

    def submit(self, signed, wait="none", timeout_s=10.0):
        reply = super().submit(signed, wait, timeout_s)
        if not self.lost:
            self.lost += 1
            raise Unavailable("node.unreachable", "the line was cut")
        return reply


def test_a_lost_reply_is_asked_for_with_the_same_bytes(server, tmp_path):
    with Cutting(server.url) as node, Outbox(tmp_path / "out") as outbox:
        done = node.acting(server.chain.key("farm"), outbox=outbox).doc.register(id="a", digest=A)

        assert outbox.pending == {}
        assert server.heights_of("doc/record/a") == [done.height]
