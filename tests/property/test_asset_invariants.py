"""`asset` under random calls: quantity, control, security and unique values hold throughout.

A slow twin keeps, for each root, what was issued and what came to an end; after each block
the whole state is read and checked against it, and each change against who signed.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from ledger.contract import load
from ledger.contracts.asset_records import Account, AssetRecord, Held
from tests.unit.ledger.asset_scene import DAY, TOKEN, AssetScene

MEMBERS = ("bank", "court", "keeper", "owner", "trader")
SOME = st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=3, unique=True)
AMOUNTS = st.integers(min_value=1, max_value=50)
CODES = st.sampled_from(("c1", "c2", None))
NUMBERS = st.integers(0, 20)
STANDING = ("live", "paper")


class AssetMachine(RuleBasedStateMachine):
    """Random calls by random signers; most are refused, and then nothing may have changed."""

    ids = Bundle("ids")

    def __init__(self):
        super().__init__()
        self.scene = AssetScene(TOKEN)
        self.count = 0
        self.issued, self.ended, self.codes, self.moves = {}, {}, {}, 0

    @initialize(target=ids)
    def begin(self):
        """Two records of one member that differ in nothing but their roots."""
        return multiple(self.issue(40, "owner", None), self.issue(60, "owner", None))

    @precondition(lambda self: len(self.issued) < 4)
    @rule(target=ids, quantity=AMOUNTS, by=st.sampled_from(MEMBERS), code=CODES)
    def issue(self, quantity, by, code):
        name = self._name()
        args = {
            "id": name, "profile": "test.token@1", "quantity": quantity, "unit": "PCE",
            "body": {"codes": [code]} if code else {},
        }  # fmt: skip
        accepted = self._call("issue", args, [by])
        assert accepted == (code not in self.codes)
        if not accepted:
            return multiple()
        if code:
            self.codes[code] = name
        self.issued[name], self.ended[name] = quantity, 0
        return name

    @rule(name=ids, to=st.sampled_from(MEMBERS), by=SOME,
          role=st.sampled_from(("both", "controller", "holder")),
          right=st.sampled_from(("blank", "final", "onward")))  # fmt: skip
    def offer(self, name, to, by, role, right):
        args = {"to": to, "role": role, "right": right, "expires": self.scene.now + DAY}
        record = self.scene.record(name)
        secured = [claim.to for claim in self._claims(name)]
        self._step("offer", name, args, [*self._with_controller(name, by), record.holder, *secured])

    @rule(name=ids, by=SOME, method=st.sampled_from(("accept", "accept", "reject", "withdraw")))
    def answer(self, name, by, method):
        offer = self.scene.record(name).offer
        self._step(method, name, {"offer": offer.number if offer else 1}, by)

    @rule(method=st.sampled_from(("accept", "accept", "reject", "withdraw")), by=SOME,
          own=st.booleans())  # fmt: skip
    def answer_each(self, method, by, own):
        for name, record in self._records().items():
            if record.offer is not None:
                due = record.offer.by if method == "withdraw" else record.offer.to
                accepted = self._step(
                    method, name, {"offer": record.offer.number}, [due] if own else by
                )
                assert not accepted or own or due in by

    @rule(target=ids, name=ids, first=AMOUNTS, by=SOME, to=st.sampled_from((None, *MEMBERS)))
    def split(self, name, first, by, to):
        whole = self.scene.record(name).quantity
        secured = [claim.to for claim in self._claims(name)]
        first = min(first, max(whole - 1, 1))
        one, other = self._name(), self._name()
        given = {"to": to, "expires": self.scene.now + DAY} if to else {}
        parts = [{"id": one, "quantity": first},
                 {"id": other, "quantity": max(whole - first, 1)} | given]  # fmt: skip
        by = [*self._with_controller(name, by), *secured]
        if not self._step("split", name, {"parts": parts}, by):
            return multiple()
        assert first + max(whole - first, 1) == whole
        return multiple(one, other)

    @rule(target=ids, names=st.lists(ids, min_size=2, max_size=3), by=SOME)
    def merge(self, names, by):
        new = self._name()
        records = [self.scene.record(name) for name in names]
        args = {
            "ids": names, "versions": [record.version for record in records], "new_id": new,
        }  # fmt: skip
        if not self._call("merge", args, self._with_controller(names[0], by)):
            return multiple()
        assert len({record.root for record in records}) == 1
        assert len(set(names)) == len(names)
        return new

    @rule(target=ids, member=st.sampled_from(MEMBERS))
    def merge_own(self, member):
        """Merge all that one member controls: allowed only where it has one root."""
        live = [one for one in self._records().values() if one.status == "live"]
        names = [one.id for one in live if one.controller == member and one.offer is None]
        return self.merge(names, list(MEMBERS)) if len(names) > 1 else multiple()

    @rule(target=ids, number=NUMBERS, by=SOME)
    def merge_siblings(self, number, by):
        """Merge what stands of a root, as the member that controls the first of it."""
        live = [one for one in self._records().values() if one.status == "live"]
        roots = [one.root for one in live if one.id != one.root]
        if not roots:
            return multiple()
        names = [one.id for one in live if one.root == roots[number % len(roots)]]
        secured = [claim.to for one in names for claim in self._claims(one)]
        return self.merge(names, [*by, *secured]) if len(names) > 1 else multiple()

    @rule(name=ids, by=SOME, to=st.sampled_from(MEMBERS), enc_id=st.sampled_from(("a", "b")),
          kind=st.sampled_from(("hold", "lien", "pledge")))  # fmt: skip
    def encumber(self, name, by, to, enc_id, kind):
        until = {"until": self.scene.now + DAY} if kind == "hold" else {}
        args = {"enc_id": enc_id, "kind": kind, "to": to} | until
        self._step("encumber", name, args, self._with_controller(name, [to, *by]))

    @rule(number=NUMBERS, by=SOME, own=st.booleans(),
          method=st.sampled_from(("enforce", "release")))  # fmt: skip
    def lift(self, number, by, own, method):
        claims = [(name, claim) for name in self._records() for claim in self._claims(name)]
        if claims:
            name, claim = claims[number % len(claims)]
            more = {"order_ref": "x"} if method == "enforce" else {}
            secured = [one.to for one in self._claims(name)]
            signers = [*secured, *self._with_controller(name, by)] if own else by
            self._step(method, name, {"enc_id": claim.id} | more, signers)

    @rule(name=ids, by=SOME, method=st.sampled_from(("freeze", "unfreeze")),
          order=st.sampled_from(("1", "2")))  # fmt: skip
    def order(self, name, by, method, order):
        self._step(method, name, {"order_ref": order}, by)

    @rule(name=ids, by=SOME, own=st.booleans())
    def retire(self, name, by, own):
        record = self.scene.record(name)
        signers = [record.controller, record.issuer, *by] if own else by
        if self._step("retire", name, {"reason": "consumed"}, signers):
            assert {record.controller, record.issuer} <= set(signers)

    @rule(name=ids, by=SOME)
    def close(self, name, by):
        self._step("act", name, {"action": "close"}, by)

    @rule(name=ids, by=SOME, medium=st.sampled_from(("electronic", "paper")))
    def replace(self, name, by, medium):
        record = self.scene.record(name)
        args = {
            "medium": medium, "new_ref": f"P{record.version}",
            "same_content_digest": self.scene.content(name),
        }  # fmt: skip
        if medium == "electronic":
            args["new_ref"] = record.paper or "none"
        self._step("replace", name, args, self._with_controller(name, [record.issuer, *by]))

    @rule(hours=st.sampled_from((1, 25)))
    def wait(self, hours):
        before = self._records()
        self.scene.block(time=self.scene.ledger.head.time + hours * 3600 * 1000)
        after = self._records()
        assert {name: _place(one) for name, one in before.items()} == {
            name: _place(one) for name, one in after.items()
        }, "time alone moves nothing"

    @invariant()
    def quantity_is_conserved(self):
        standing = dict.fromkeys(self.issued, 0)
        for record in self._records().values():
            if record.status in STANDING:
                standing[record.root] += record.quantity
        assert standing == {root: self.issued[root] - self.ended[root] for root in self.issued}
        for root in self.issued:
            stored = self.scene.value("root/" + root)
            if stored is not None:
                account = load(stored, Account)
                assert (account.issued, account.ended) == (self.issued[root], self.ended[root])

    @invariant()
    def each_record_has_one_controller_and_is_on_one_list(self):
        records = self._records()
        owned = [
            f"of/{one.controller}/test.token/{name}"
            for name, one in records.items()
            if one.status in STANDING
        ]
        assert all(one.controller in MEMBERS and one.holder in MEMBERS for one in records.values())
        assert sorted(owned) == self.scene.keys("of/")

    @invariant()
    def unique_values_stay_used(self):
        assert self.scene.keys("unique/") == [
            f"unique/test.token/codes/{code}" for code in sorted(self.codes)
        ]

    @invariant()
    def nothing_lies_on_what_is_over(self):
        for record in self._records().values():
            if record.status not in STANDING:
                assert self.scene.value("held/" + record.id) is None
                assert record.offer is None

    @invariant()
    def as_many_wait_as_the_records_say(self):
        waiting = 0
        for record in self._records().values():
            stored = self.scene.value("held/" + record.id)
            claims = load(stored, Held).claims if stored else ()
            waiting += (record.offer is not None) + sum(one.kind == "hold" for one in claims)
        assert self.scene.due() == waiting

    def _step(self, method, name, args, by):
        full = {"id": name, "version": self.scene.record(name).version} | args
        return self._call(method, full, by)

    def _call(self, method, args, by):
        """One call: whether it was carried out. Nothing moves past those whom it secures."""
        before = self._records()
        held = {name: self._claims(name) for name in before}
        signers = [member + "/app" for member in dict.fromkeys(by)]
        receipt = self.scene.call("asset", method, args, *signers)
        after = self._records()
        assert receipt.code != "FAULT"
        if receipt.code != "OK":
            # The due-queue may have ended an offer or a hold in the same block.
            assert {n: _place(r) for n, r in before.items()} == {
                n: _place(r) for n, r in after.items()
            }
            return False
        for name, old in before.items():
            new = after[name]
            if _place(old) != _place(new):
                self._check_move(method, old, new, held[name], by)
            if new.status == "retired" and old.status in STANDING:
                self.ended[old.root] += old.quantity
            assert (new.root, new.quantity, new.body, new.issuer) == (
                old.root, old.quantity, old.body, old.issuer,
            )  # fmt: skip
            if old.status not in STANDING:
                assert new == old, "what is over does not change"
        return True

    def _check_move(self, method, old, new, claims, by):
        """Who was secured signed now, or when the offer was made that is accepted now."""
        consents = old.offer.consents if method == "accept" else ()
        for claim in claims:
            assert claim.to in by or claim.id in consents, (method, claim)
        if method == "accept":
            assert new.status == old.status
            assert old.offer.to in by
        elif method == "enforce":
            assert any(claim.to in by for claim in claims)
        else:
            assert old.controller in by or (old.status == "paper" and old.issuer in by)

    def _claims(self, name):
        stored = self.scene.value("held/" + name)
        return load(stored, Held).claims if stored else ()

    def _records(self):
        found = self.scene.ledger.scan_state(b"asset/record/")
        return {key.decode()[13:]: load(value, AssetRecord) for key, value in found}

    def _with_controller(self, name, by):
        """Signers with the controller: without it almost every call is refused."""
        return list(dict.fromkeys((self.scene.record(name).controller, *by)))

    def _name(self):
        self.count += 1
        return f"a{self.count}"


def _place(record):
    return record.controller, record.holder, record.status


TestAssetInvariants = AssetMachine.TestCase
TestAssetInvariants.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
