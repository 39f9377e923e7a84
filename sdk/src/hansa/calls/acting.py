"""Every call for someone who acts. Made from the contracts by scripts/reference."""

from collections.abc import Callable
from typing import Generic

from hansa.calls import asset, cred, doc, governance, grant, match, org, profile, script, trace
from hansa.calls.build import Bound, Group, R
from hansa.transaction import Call


class Asset(Group[R]):
    """The methods of `asset`."""

    issue = Bound(asset.issue)
    offer = Bound(asset.offer)
    accept = Bound(asset.accept)
    reject = Bound(asset.reject)
    withdraw = Bound(asset.withdraw)
    act = Bound(asset.act)
    split = Bound(asset.split)
    merge = Bound(asset.merge)
    encumber = Bound(asset.encumber)
    release = Bound(asset.release)
    enforce = Bound(asset.enforce)
    replace = Bound(asset.replace)
    retire = Bound(asset.retire)
    freeze = Bound(asset.freeze)
    unfreeze = Bound(asset.unfreeze)


class Cred(Group[R]):
    """The methods of `cred`."""

    accredit = Bound(cred.accredit)
    disaccredit = Bound(cred.disaccredit)
    template = Bound(cred.template)
    open_list = Bound(cred.open_list)
    log = Bound(cred.log)
    status = Bound(cred.status)
    annotate = Bound(cred.annotate)


class Doc(Group[R]):
    """The methods of `doc`."""

    register = Bound(doc.register)
    sign = Bound(doc.sign)
    decline = Bound(doc.decline)
    withdraw = Bound(doc.withdraw)
    supersede = Bound(doc.supersede)
    stamp = Bound(doc.stamp)
    exhibit = Bound(doc.exhibit)
    anchor = Bound(doc.anchor)


class Governance(Group[R]):
    """The methods of `governance`."""

    set_parameter = Bound(governance.set_parameter)
    set_permission = Bound(governance.set_permission)
    set_validators = Bound(governance.set_validators)
    vote = Bound(governance.vote)
    withdraw = Bound(governance.withdraw)
    accuse = Bound(governance.accuse)


class Grant(Group[R]):
    """The methods of `grant`."""

    publish = Bound(grant.publish)
    request = Bound(grant.request)
    decide = Bound(grant.decide)
    accept = Bound(grant.accept)
    verify = Bound(grant.verify)
    finalize = Bound(grant.finalize)
    terminate = Bound(grant.terminate)
    transfer = Bound(grant.transfer)
    deliver = Bound(grant.deliver)
    used = Bound(grant.used)
    consent = Bound(grant.consent)
    withdraw = Bound(grant.withdraw)
    correction = Bound(grant.correction)
    answer_correction = Bound(grant.answer_correction)
    erased = Bound(grant.erased)


class Match(Group[R]):
    """The methods of `match`."""

    open = Bound(match.open)
    commit = Bound(match.commit)
    reveal = Bound(match.reveal)
    result = Bound(match.result)
    differ = Bound(match.differ)
    dispute = Bound(match.dispute)
    adjust = Bound(match.adjust)
    agree = Bound(match.agree)
    settle = Bound(match.settle)
    withdraw = Bound(match.withdraw)


class Org(Group[R]):
    """The methods of `org`."""

    admit = Bound(org.admit)
    assign = Bound(org.assign)
    suspend = Bound(org.suspend)
    resume = Bound(org.resume)
    recover = Bound(org.recover)
    enrol = Bound(org.enrol)
    rotate = Bound(org.rotate)
    seal_key = Bound(org.seal_key)
    revoke_key = Bound(org.revoke_key)
    give_role = Bound(org.give_role)
    take_role = Bound(org.take_role)
    suspend_subject = Bound(org.suspend_subject)
    resume_subject = Bound(org.resume_subject)
    renew = Bound(org.renew)
    register_node = Bound(org.register_node)


class Profile(Group[R]):
    """The methods of `profile`."""

    propose = Bound(profile.propose)
    approve = Bound(profile.approve)
    object = Bound(profile.object)
    retire = Bound(profile.retire)


class Script(Group[R]):
    """The methods of `script`."""

    propose = Bound(script.propose)
    approve = Bound(script.approve)
    object = Bound(script.object)
    call = Bound(script.call)
    freeze = Bound(script.freeze)
    resume = Bound(script.resume)
    retire = Bound(script.retire)


class Trace(Group[R]):
    """The methods of `trace`."""

    capture = Bound(trace.capture)
    correct = Bound(trace.correct)
    capture_batch = Bound(trace.capture_batch)
    calibrate = Bound(trace.calibrate)
    bind = Bound(trace.bind)
    scan = Bound(trace.scan)
    run = Bound(trace.run)


class Contracts(Generic[R]):
    """All contracts; ``R`` is what carrying out a call gives."""

    def __init__(self, carry: Callable[[Call], R]) -> None:
        """Carry out each call with `carry`."""
        self.asset = Asset(carry)
        self.cred = Cred(carry)
        self.doc = Doc(carry)
        self.governance = Governance(carry)
        self.grant = Grant(carry)
        self.match = Match(carry)
        self.org = Org(carry)
        self.profile = Profile(carry)
        self.script = Script(carry)
        self.trace = Trace(carry)
