"""A chain with the contract `cred`, in which members accredit each other."""

from hansa.encoding import decode_value
from tests.unit.ledger.scene import Scene

SIZE = 131_072


class CredScene(Scene):
    """`farm` issues; three of four members decide."""

    def decide(self, method, args):
        """Pass a ballot of `cred` by three of four votes: its answer."""
        opened = self.ok("cred", method, args, "farm/boss")
        vote = {"approve": True, "id": opened["ballot"]}
        self.ok("governance", "vote", vote, "carrier/boss")
        return self.ok("governance", "vote", vote, "retailer/boss")

    def accredit(self, issuer="farm", kind="Licence", until=0):
        """Accredit a member for a type."""
        answer = self.decide("accredit", {"issuer": issuer, "type": kind, "until": until})
        assert answer["state"] == "passed", answer

    def open_list(self, name="r", purpose="revocation", **more):
        """A list of `farm`."""
        args = {"list_id": name, "purpose": purpose, "size": SIZE} | more
        return self.ok("cred", "open_list", args)

    def issue(self, index=0, name="r", number=1, **more):
        """Log a credential of `farm` at an index."""
        args = {"digest": number.to_bytes(32, "big"), "index": index, "status_list": name}
        return self.ok("cred", "log", args | {"type": "Licence"} | more)

    def refused(self, method, args, *signers):
        """The code and the fields of a call that is refused."""
        receipt = self.call("cred", method, args, *signers)
        return receipt.code, receipt.error_fields()

    def state(self, key):
        """The value under a key of `cred`, as its plain map."""
        return decode_value(self.ledger.get_state(b"cred/" + key.encode()))

    def written(self):
        """The keys of `cred`, in order."""
        return [key for key, _ in self.ledger.scan_state(b"cred/")]
