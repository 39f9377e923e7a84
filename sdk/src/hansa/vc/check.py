"""Everything that can be asked of a credential, each answer by itself (docs/spec/vc.md, 8).

The promise: no answer hides another one. A credential that is revoked shows a good
signature and a bad status; one whose list is missing has no status, and does not pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hansa.canonical_json import dumps
from hansa.errors import Rejected
from hansa.hashing import sha256
from hansa.vc.chain import MESSAGE, Accreditation, Logged, in_force
from hansa.vc.data_integrity import Document, Secured, verify_document
from hansa.vc.model import require_credential
from hansa.vc.status_list import (
    STATUSES_MAX,
    Status,
    check_issuer,
    check_list,
    check_period,
    check_status,
    has_type,
    read_entry,
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verifier holds besides the credential; records are proven before they come here.

    Attributes:
        lists: signed status list credentials by their address.
        members: the member behind each public key, from ``org/key/<key id>``.
        logged: the record of the credential's digest, or None.
        accreditation: of the issuing member for the credential's type, or None.
    """

    lists: Mapping[str, Document]
    members: Mapping[bytes, str]
    logged: Logged | None
    accreditation: Accreditation | None


@dataclass(frozen=True, slots=True)
class Checks:
    """The answers; each is "" where all is well, and otherwise the code of what is wrong.

    Attributes:
        form: it has the shape of a credential (W3C VC 2.0).
        signature: the proof holds.
        issuer: the key that signed is the issuer's, and a member's.
        period: the credential is valid at the time that was asked about.
        logged: the member logged exactly this credential, under the places that it names.
        accredited: the member was accredited for the type when it logged it.
        status: every status entry was found in a good list of the same member.
        statuses: what the lists say, as far as they could be read.
    """

    form: str
    signature: str
    issuer: str
    period: str
    logged: str
    accredited: str
    status: str
    statuses: tuple[Status, ...]

    @property
    def withdrawn(self) -> bool:
        """Whether a list says that it is revoked or suspended."""
        return any(one.value for one in self.statuses if one.purpose != MESSAGE)

    @property
    def passed(self) -> bool:
        """Whether every answer is good."""
        codes = (
            self.form, self.signature, self.issuer, self.period, self.logged, self.accredited,
            self.status,
        )  # fmt: skip
        return not any(codes) and not self.withdrawn


def credential_digest(secured: Document) -> bytes:
    """What stands on the chain of a credential: SHA-256 of its canonical text with the proof.

    The proof in it is what keeps anyone from guessing a subject's data until the digest fits.

    Raises:
        Rejected: ``json.value``.
    """
    return sha256(dumps(secured))


def check_credential(secured: Document, evidence: Evidence, *, time: int) -> Checks:
    """Ask everything of a credential at `time` (ms since 1970)."""
    form = _form(secured)
    try:
        checked = verify_document(secured)
    except Rejected as error:
        no = "vc.unproven"
        return Checks(form, error.code, no, no, no, no, no, ())
    member = evidence.members.get(checked.public, "")
    status, statuses = _statuses(checked, evidence, member, time)
    return Checks(
        form=form,
        signature="",
        issuer=_issuer(checked, member),
        period=_period(checked, time),
        logged=_logged(secured, evidence, member),
        accredited=_accredited(checked, evidence, member),
        status=status,
        statuses=statuses,
    )


def _form(secured: Document) -> str:
    try:
        require_credential(secured)
    except Rejected as error:
        return error.code
    return ""


def _issuer(checked: Secured, member: str) -> str:
    try:
        check_issuer(checked)
    except Rejected as error:
        return error.code
    return "" if member else "vc.no-member"


def _period(checked: Secured, time: int) -> str:
    try:
        check_period(checked, time)
    except Rejected as error:
        return error.code
    return ""


def _logged(secured: Document, evidence: Evidence, member: str) -> str:
    logged = evidence.logged
    if logged is None or logged.id != credential_digest(secured).hex():
        return "vc.not-logged"
    if logged.controller != member:
        return "vc.not-logged"
    try:
        named = [read_entry(entry)[1] for entry in _entries(secured)]
    except Rejected as error:
        return error.code
    return "" if sorted(named) == sorted(index for _, index in logged.places) else "vc.places"


def _accredited(checked: Secured, evidence: Evidence, member: str) -> str:
    logged, known = evidence.logged, evidence.accreditation
    if logged is None or known is None or known.controller != member:
        return "vc.not-accredited"
    if known.id != f"{logged.type}/{member}" or not has_type(checked.document, logged.type):
        return "vc.not-accredited"
    held = in_force(known.terms, logged.history[0][0], logged.logged_at)
    return "" if held else "vc.not-accredited"


def _statuses(
    checked: Secured, evidence: Evidence, member: str, time: int
) -> tuple[str, tuple[Status, ...]]:
    """The first thing that is wrong with the lists, and what they say."""
    code, found = "", list[Status]()
    entries = _entries(checked.document)
    if len(entries) > STATUSES_MAX:
        return "vc.entry", ()
    for entry in entries:
        try:
            read_entry(entry)
            url = str(entry["statusListCredential"])
            if url not in evidence.lists:
                code = code or "vc.no-list"
                continue
            listed = check_list(evidence.lists[url], time=time)
            if not member or evidence.members.get(listed.public) != member:
                code = code or "vc.issuer"
                continue
            found.append(check_status(entry, listed))
        except Rejected as error:
            code = code or error.code
    return code, tuple(found)


def _entries(document: Document) -> list[Document]:
    """The status entries of a credential: one, several or none; others than maps stay empty."""
    status = document.get("credentialStatus", [])
    listed = status if isinstance(status, list) else [status]
    return [entry if isinstance(entry, dict) else {} for entry in listed]
