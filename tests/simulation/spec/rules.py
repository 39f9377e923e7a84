"""The protocol's predicates on plain data, written from docs/spec/consensus.md alone.

Nothing of the product is imported here: a mistake of the core cannot excuse itself. Hashes are
hex text; `signed` says whether a signature holds over the statement that section 3 prescribes.
Rows and paragraphs are cited as the text numbers them.
"""

import hashlib

PREPARE, COMMIT = 2, 3
NOTHING = -1
ZERO = "00" * 32
SKEW_MS = 5_000
WAIT_MS_MAX = 60_000
VIEW_MAX = 2**31 - 1
WINDOW_HEIGHTS = 1_000


class Sizes:
    """2.1: what n validators mean."""

    def __init__(self, count):
        self.n = count
        self.f = (count - 1) // 3
        self.q = -(-(count + self.f + 1) // 2)
        self.w = self.f + 1


def wait(t0_ms, view):
    """9.1: T(v)."""
    return min(t0_ms * 2 ** min(view, 5), WAIT_MS_MAX)


def certificate_holds(certificate, phase, place, sizes):
    """4.1: q distinct members, every signature; `place` is (epoch, height)."""
    signers = certificate["signers"]
    return (
        certificate["phase"] == phase
        and (certificate["epoch"], certificate["height"]) == place
        and len(set(signers)) == len(signers) == sizes.q
        and all(signer < sizes.n for signer in signers)
        and certificate["signed"]
    )


def claims_nothing(change):
    """3.2: view -1 and 32 zero bytes, and only that."""
    return (change["prepared_view"], change["prepared_hash"]) == (NOTHING, ZERO)


def claim_is_proper(change):
    """F: a claim is for a view below its target."""
    return claims_nothing(change) or 0 <= change["prepared_view"] < change["target"]


def claim_of(change):
    """What a view change says is prepared."""
    return change["prepared_view"], change["prepared_hash"]


def named_by(certificate):
    """What a certificate proves prepared."""
    return None if certificate is None else (certificate["view"], certificate["hash"])


def view_change_holds(change, place, sizes):
    """F: signed, and its claim has a valid prepared certificate for just that view and block."""
    certificate = change["certificate"]
    if not (claim_is_proper(change) and change["signed"] and change["signer"] < sizes.n):
        return False
    if certificate is None or claims_nothing(change):
        return certificate is None and claims_nothing(change)
    justified = named_by(certificate) == claim_of(change)
    return justified and certificate_holds(certificate, PREPARE, place, sizes)


def largest(changes):
    """G: the claim with the largest view; the first of those, in the order of signers."""
    claims = [change for change in changes if not claims_nothing(change)]
    return max(claims, key=lambda change: change["prepared_view"], default=None)


def new_view_holds(message, place, sizes):
    """G: q valid view changes of distinct signers for (h, t), and the choice that follows."""
    changes = message["changes"]
    signers = [change["signer"] for change in changes]
    for change in changes:
        stands = (change["epoch"], change["height"]) == place and change["signed"]
        if not (stands and change["target"] == message["view"] and claim_is_proper(change)):
            return False
    if len(set(signers)) != len(signers) or len(signers) < sizes.q or not message["signed"]:
        return False
    chosen, certificate = largest(changes), message["certificate"]
    if chosen is None:
        block = message["block"]
        return certificate is None and block is not None and block["hash"] == message["hash"]
    return (
        message["block"] is None
        and certificate is not None
        and named_by(certificate) == claim_of(chosen) == (certificate["view"], message["hash"])
        and certificate_holds(certificate, PREPARE, place, sizes)
    )


def fresh_block_holds(  # noqa: PLR0913, PLR0917 - a block, and what it is held against
    block, world, view, primary, now, t0_ms
):
    """B: extends the head, right names, the parent's certificate, a time near now, no doubles.

    `world` has chain, validators (names), set hash, epoch, head, head certificate, sizes.
    """
    head = world["head"]
    expected = {
        "version": 1, "suite": 1, "chain": world["chain"], "epoch": world["epoch"],
        "height": head["height"] + 1, "parent": head["hash"],
        "primary": world["names"][primary], "validators": world["set"],
    }  # fmt: skip
    if any(block[name] != value for name, value in expected.items()) or not block["links"]:
        return False
    oldest = now["wall"] - SKEW_MS - wait(t0_ms, view)
    if not (head["time"] < block["time"] and oldest <= block["time"] <= now["wall"] + SKEW_MS):
        return False
    hashes = block["txs"]
    if len(set(hashes)) != len(hashes) or (view == 0 and not hashes):
        return False
    certificate, own = block["last_certificate"], world["certificate"]
    if certificate is None or own is None:
        return certificate is own
    place = (own["epoch"], own["height"])
    return certificate["hash"] == head["hash"] and certificate_holds(
        certificate, COMMIT, place, world["sizes"]
    )


def contradict(first, second):
    """11.1: whether two signed statements of one validator break one of the three rules."""
    if not (first["signed"] and second["signed"]):
        return False
    kinds = {first["kind"], second["kind"]}
    if kinds == {"vote"}:
        same = all(first[name] == second[name] for name in ("phase", "epoch", "height", "view"))
        return same and first["hash"] != second["hash"]
    if kinds in ({"pre-prepare"}, {"new-view"}):
        same = all(first[name] == second[name] for name in ("epoch", "height", "view"))
        return same and first["hash"] != second["hash"]
    if (first["kind"], second["kind"]) != ("vote", "view-change"):
        return False
    view, same = first["view"], first["height"] == second["height"]
    less = second["prepared_view"] < view
    other = second["prepared_view"] == view and second["prepared_hash"] != first["hash"]
    return same and first["phase"] == COMMIT and second["target"] > view and (less or other)


class Rotation:
    """Section 5: who is primary, a function of the set and of headers alone."""

    def __init__(self, validators, start, seed):
        """`validators`: [name, key in hex]; `seed`: the parent hash of the epoch's first block."""

        def place(index):
            payload = bytes.fromhex(seed) + bytes.fromhex(validators[index][1])
            return hashlib.sha256(b"hansa/order/1\0" + payload).digest()

        self.names = [name for name, _ in validators]
        self.order = sorted(range(len(validators)), key=place)
        self.start, self.sizes = start, Sizes(len(validators))
        self.headers, self.rigged, self._alive = {}, {}, {}

    def advance(self, header):
        """The next header of the epoch."""
        self.headers[header["height"]] = header

    def primary(self, height, view):
        """5.2: the one whose turn it is among those not skipped."""
        if (height, view) in self.rigged:
            return self.rigged[height, view]
        alive = self.alive(height)
        return alive[(height - self.start + view) % len(alive)]

    def alive(self, height):
        """The order without the skip list at a height."""
        if height not in self._alive:
            self._alive[height] = self._standing(height)
        return self._alive[height]

    def _standing(self, height):
        strikes = {}
        first = max(self.start + 1, height - WINDOW_HEIGHTS)
        for said in range(first, height):
            header = self.headers.get(said)
            if header is None or header["last_view"] == 0 or said - 1 not in self.headers:
                continue
            proposer = self.headers[said - 1]["primary"]
            before = self.alive(said - 1)
            turns = range(said - 1 - self.start, said - 1 - self.start + header["last_view"])
            struck = {before[turn % len(before)] for turn in turns}
            for signer in struck:
                if self.names[signer] != proposer:
                    strikes.setdefault(signer, []).append(said)
        skipped = sorted(
            (said[-1], signer)
            for signer, said in strikes.items()
            if height <= said[-1] + 10 * 2 ** min(len(said) - 1, 6)
        )
        latest = {signer for _, signer in skipped[max(len(skipped) - self.sizes.f, 0) :]}
        return [signer for signer in self.order if signer not in latest]
