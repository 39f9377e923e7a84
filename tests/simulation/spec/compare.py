"""What a core did against what the specified replica does, for one step."""

from tests.simulation.spec.rules import COMMIT, contradict

FRESH_GAP_MS, FRESH_INTERVAL_MS = 200, 10_000
SET_ASIDE_MAX = 1_000


class DifferenceError(AssertionError):
    """The trace does what the text does not allow, or leaves out what it demands."""


def differ(what, expected, actual):
    """Raise where two things are not the same."""
    if expected != actual:
        raise DifferenceError(f"{what}: the text says {expected}, the trace has {actual}")


def said_certificate(certificate):
    """What tells two certificates apart."""
    if certificate is None:
        return None
    names = ("phase", "epoch", "height", "view", "hash")
    return (*(certificate[name] for name in names), tuple(certificate["signers"]))


def said_claim(change):
    """A view change without its certificate."""
    names = ("epoch", "height", "target", "prepared_view", "prepared_hash", "signer")
    return ("view-change", *(change[name] for name in names))


def said(message):  # noqa: PLR0911 - one for each kind
    """What tells two messages apart, without their signatures."""
    kind = message["kind"]
    place = (kind, message.get("epoch"), message["height"], message.get("view"))
    match kind:
        case "vote":
            return (*place, message["phase"], message["hash"], message["signer"])
        case "view-change":
            return (*said_claim(message), said_certificate(message["certificate"]))
        case "new-view":
            changes = tuple(said_claim(change) for change in message["changes"])
            block = message["block"] and message["block"]["hash"]
            rests = (changes, said_certificate(message["certificate"]), block)
            return (*place, message["hash"], message["signer"], *rests)
        case "pre-prepare":
            return (*place, message["hash"], message["signer"])
        case "fresh":
            return (*place, message["hash"], message["state"], message["time"])
        case "refuse":
            return (*place, message["hash"], message["tx"])
        case _:
            return place


def compare(replica, expected, out, step, liars):
    """Every part of an output; `replica` has taken the input of this step already."""
    intents = [intent for intent in out["intents"] if intent["kind"] != "fresh"]
    differ("own messages", list(map(said, expected.intents)), list(map(said, intents)))
    differ(
        "records",
        list(map(_expected_record, expected.persist)),
        list(map(said_record, out["persist"])),
    )
    commits = [(c["hash"], said_certificate(c["certificate"])) for c in out["commit"]]
    differ("commits", [(c["hash"], said_certificate(c)) for c in expected.commit], commits)
    if out["diverged"] and not replica.diverged:
        raise DifferenceError("diverged without two executions that differ")
    _compare_work(replica, expected, out)
    _compare_sends(replica, expected, out, step["input"])
    _compare_fresh(replica, out, step["now"])
    _compare_evidence(out, liars)
    _compare_wake(replica, out)


def _expected_record(record):
    if record["record"] == "body":
        return ("body", record["hash"])
    if record["record"] == "prepared":
        return ("prepared", said_certificate(record["certificate"]))
    return (record["record"], said(record["message"]))


def said_record(record):
    """A record without what does not tell two of them apart."""
    if record["record"] == "body":
        return ("body", record["block"]["hash"])
    return _expected_record(record)


def _compare_work(replica, expected, out):
    """A, B, D: builds as said; what must run runs; nothing is fetched that nothing certifies."""
    at = replica.at
    builds = [work for work in out["execute"] if work["do"] == "build"]
    differ("number of builds", len(expected.builds), len(builds))
    for wanted, build in zip(expected.builds, builds, strict=True):
        for name in ("height", "view", "shrink", "allow_empty"):
            differ(f"build, {name}", wanted[name], build[name])
        certificates = (wanted["certificate"], build["certificate"])
        differ("build, parent's certificate", *map(said_certificate, certificates))
        extra = set(build["exclude"]) - wanted["exclude"]
        if wanted["exclude"] - set(build["exclude"]) or not extra <= {s[0] for s in at.suspects}:
            raise DifferenceError(f"build leaves out {build['exclude']}, not {wanted['exclude']}")
    runs = [work["hash"] for work in out["execute"] if work["do"] == "run"]
    missing = [block for block in expected.runs if block not in runs and block not in at.running]
    if missing or any(block not in at.blocks for block in runs):
        raise DifferenceError(f"runs {runs}, must run {missing}")
    at.running.update(runs)
    certified = {item["hash"] for item in (at.decided,) if item is not None}
    if at.new_view is not None and at.new_view["certificate"] is not None:
        certified.add(at.new_view["hash"])
    fetches = [work["hash"] for work in out["execute"] if work["do"] == "fetch"]
    if set(expected.fetches) - set(fetches) or set(fetches) - certified:
        raise DifferenceError(f"fetches {fetches}, must fetch {expected.fetches} of {certified}")


def _compare_sends(replica, expected, out, given):
    """9.3, 9.5: what is due is sent; of own words only stored ones; no help that none needs."""
    at = replica.at
    sent = [said(m) for _, m in out["send"] if m["kind"] != "decided"]
    for message in expected.sends:
        if said(message) not in sent:
            raise DifferenceError(f"not sent: {said(message)}")
    stored = {said(message) for message in at.own.values()}
    hints = {said(message) for message in expected.sends}
    for peer, message in out["send"]:
        kind = message["kind"]
        if kind == "decided":
            certificate = message["certificate"]
            head = replica.world["head"]
            own = certificate["phase"] == COMMIT and certificate["hash"] == head["hash"]
            if not (own and _answers(given, peer)):
                raise DifferenceError("DECIDED to somebody who did not show that he lags")
        elif kind == "new-view" and message["signer"] != replica.me:
            shown = at.new_view is not None and said(at.new_view) == said(message)
            if not (shown and _answers(given, peer)):
                raise DifferenceError("a NEW-VIEW is shown that is not in force, or to nobody")
        elif said(message) not in stored and said(message) not in hints:
            raise DifferenceError(f"sent, though never stored: {said(message)}")


def _answers(given, peer):
    """Whether an input holds something of a peer: its message, or many that waited for a head."""
    return given["in"] == "advanced" or (given["in"] == "received" and given["peer"] == peer)


def _compare_fresh(replica, out, now):
    """10.1: only an idle replica attests, that its head is the last it knows, not too often."""
    at, head = replica.at, replica.world["head"]
    idle = not (
        at.active or at.changing or at.prepare_sent or at.commit_sent or at.decided
        or now["pending"] or not replica.may_sign
    )  # fmt: skip
    last = at.fresh_last
    rested = last is None or now["mono"] - last >= FRESH_GAP_MS
    found = [intent for intent in out["intents"] if intent["kind"] == "fresh"]
    if not idle:
        at.idle_since = None
    elif at.idle_since is None:
        at.idle_since = now["mono"]
    if not found:
        if idle and rested and replica.asked:
            raise DifferenceError("asked for freshness, idle, and silent")
        since = max(at.idle_since or 0, -1 if last is None else last)
        if idle and now["mono"] - since >= FRESH_INTERVAL_MS:
            raise DifferenceError("idle for ten seconds without an attestation")
        return
    if not idle or not rested or len(found) > 1:
        raise DifferenceError("FRESH while something of the next height is known, or too soon")
    mine = (head["height"], head["hash"], head["state"], now["wall"], replica.me)
    names = ("height", "hash", "state", "time", "signer")
    differ("FRESH", mine, tuple(found[0][name] for name in names))
    replica.asked, at.fresh_last = False, now["mono"]


def _compare_evidence(out, liars):
    """11: two contradicting statements of one signer, never a correct one."""
    for signer, first, second in out["evidence"]:
        both = {first["signer"], second["signer"]} == {signer}
        if not both or signer not in liars or not contradict(first, second):
            raise DifferenceError(f"evidence against {signer} that proves nothing")


def _compare_wake(replica, out):
    """9: the clock is asked to ring before a deadline passes."""
    at = replica.at
    due = [d for d in (at.progress_at, at.view_change_at, at.resend_at, at.build_at) if d]
    if due and (out["wake_at"] is None or out["wake_at"] > min(due)):
        raise DifferenceError(f"sleeps until {out['wake_at']}, something is due at {min(due)}")
