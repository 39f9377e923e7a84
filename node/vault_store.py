"""Blobs and what is noted of them, on disk and in memory (docs/spec/vault.md, section 4).

The promise: a blob that was acknowledged is whole and durable; one that was erased never comes
back, from a crash, a peer or a client; what a power cut left half-done is undone at start; a
blob that a disk has damaged is found when it is read, never served.
Files, not the chain's store: a deleted file gives its space back at once, while LevelDB keeps
deleted values until it compacts, and 16 MiB values would rewrite the chain's data with it.
"""

from contextlib import suppress
from typing import Annotated, Literal

import msgspec

from hansa.encoding import Hash, MemberName, Uint, Wire, pack, unpack
from hansa.errors import Corrupt, Rejected
from hansa.hashing import sha256, tagged_hash
from hansa.seal import WRAPS_MAX, About, Header, Wrap
from storage.errors import DiskFailed
from storage.files import TEMPORARY, Files

BLOB, NOTE = ".blob", ".note"
LOCAL_WRAPS_MAX = 16
"""Wraps kept beside a blob after rotations: 4 years of a key a quarter."""
NOTES_MAX = 65_536
"""Blobs and tombstones of one node: 40 MiB of memory, some seconds of a start."""
QUOTA_BLOBS = 8_192
"""Of these so many came from one organisation: eight fill a vault, one cannot."""
QUOTA_BYTES = 4 * 1024**3
"""Bytes that one organisation may make a node keep."""
HELD: Literal["held"] = "held"
ERASED: Literal["erased"] = "erased"


class Note(Wire, frozen=True):
    """What a node knows of a blob; it outlives the blob when that is erased.

    Attributes:
        id: SHA-256 of the blob.
        size: its bytes.
        charged: the member from which it came, whose quota it counts to.
        author: as its header says.
        about: as its header says.
        commit: as its header says.
        members: the named ones.
        since_ms: when it came, or was erased (ms since 1970).
        wraps: the own organisation's, made after a rotation; none once erased.
    """

    version: Literal[1]
    id: Hash
    state: Literal["held", "erased"]
    size: Uint
    charged: MemberName
    author: MemberName
    about: About
    commit: Hash
    members: Annotated[tuple[MemberName, ...], msgspec.Meta(min_length=1, max_length=WRAPS_MAX)]
    since_ms: Uint
    wraps: Annotated[tuple[Wrap, ...], msgspec.Meta(max_length=LOCAL_WRAPS_MAX)]


def note_of(blob: bytes, header: Header, charged: str, now_ms: int) -> Note:
    """The note of a blob that has come now."""
    return Note(
        version=1,
        id=sha256(blob),
        state=HELD,
        size=len(blob),
        charged=charged,
        author=header.author,
        about=header.about,
        commit=header.commit,
        members=header.members,
        since_ms=now_ms,
        wraps=(),
    )


class BlobFiles:
    """The files of a vault. Every method may raise `DiskFailed`; all of them block."""

    def __init__(self, files: Files) -> None:
        """Use a folder of its own."""
        self._files = files

    def load(self) -> tuple[dict[bytes, Note], set[bytes]]:
        """All notes, and the ids of held blobs whose file is gone.

        A blob without a note was never acknowledged, one beside a tombstone is what a crash
        left of an erasure: both are deleted.

        Raises:
            Corrupt: ``vault.note`` for a note that is not as it was written.
        """
        names = self._files.names()
        notes = {}
        for name in names:
            if name.endswith(NOTE):
                note = self._note(name)
                notes[note.id] = note
        present = set()
        for name in names:
            if name.endswith(BLOB):
                blob_id = _id_of(name)
                known = notes.get(blob_id) if blob_id is not None else None
                if known is None or known.state == ERASED:
                    self._files.delete(name)
                else:
                    present.add(known.id)
        return notes, {one for one in notes if notes[one].state == HELD} - present

    def write(self, note: Note, blob: bytes) -> None:
        """Keep a blob: the blob first, its note last, each durable; the note is the commit."""
        self._replace(note.id.hex() + BLOB, blob)
        self.write_note(note)

    def write_note(self, note: Note) -> None:
        """Keep a note in place of the one before."""
        packed = pack(note)
        self._replace(note.id.hex() + NOTE, tagged_hash("vault-note", packed) + packed)

    def erase(self, tombstone: Note) -> None:
        """Delete a blob: the tombstone first, so that no crash brings it back."""
        self.write_note(tombstone)
        self._files.delete(tombstone.id.hex() + BLOB)

    def read(self, blob_id: bytes) -> bytes | None:
        """A blob that is as it was written; a damaged file is deleted and None given."""
        name = blob_id.hex() + BLOB
        blob = self._files.read(name)
        if blob is not None and sha256(blob) != blob_id:
            self._files.delete(name)
            return None
        return blob

    def close(self) -> None:
        """Let the folder go."""
        self._files.close()

    def _replace(self, name: str, content: bytes) -> None:
        try:
            self._files.replace(name, content)
        except DiskFailed:
            with suppress(DiskFailed):  # a full disk gets its bytes back now, not at the next start
                self._files.delete(name + TEMPORARY)
            raise

    def _note(self, name: str) -> Note:
        content = self._files.read(name) or b""
        digest, packed = content[:32], content[32:]
        try:
            note = unpack(Note, packed)
        except Rejected as error:
            raise _bad_note(name, error.detail) from error
        if digest != tagged_hash("vault-note", packed) or name != note.id.hex() + NOTE:
            raise _bad_note(name, "its checksum or name does not fit")
        return note


class Index:
    """All notes in memory, and what each organisation uses."""

    def __init__(self, notes: dict[bytes, Note], missing: set[bytes]) -> None:
        """Take over what `BlobFiles.load` gave."""
        self.notes = notes
        self.missing = missing
        """Ids of held blobs whose file is gone or damaged: they are fetched again."""
        self._bytes: dict[str, int] = {}
        self._count: dict[str, int] = {}
        for note in notes.values():
            self._charge(note, 1)

    def put(self, note: Note) -> None:
        """Note what was written to disk."""
        before = self.notes.get(note.id)
        if before is not None:
            self._charge(before, -1)
        self.notes[note.id] = note
        self.missing.discard(note.id)
        self._charge(note, 1)

    def has(self, blob_id: bytes) -> bool:
        """Whether the blob is here, whole as far as is known."""
        note = self.notes.get(blob_id)
        return note is not None and note.state == HELD and blob_id not in self.missing

    def is_settled(self, blob_id: bytes) -> bool:
        """Whether nothing is to be fetched: it is here, or was erased."""
        return blob_id in self.notes and blob_id not in self.missing

    def is_for(self, blob_id: bytes, member: str) -> bool:
        """Whether it is here and names a member; for a member without a name never."""
        return self.has(blob_id) and member in self.notes[blob_id].members

    def held_for(self, member: str) -> list[Note]:
        """What is here and names a member, oldest id first."""
        return [self.notes[one] for one in sorted(self.notes) if self.is_for(one, member)]

    def has_room(self, member: str, size: int, waiting: int) -> bool:
        """The same question as that of `check_room`."""
        try:
            self.check_room(member, size, waiting)
        except Rejected:
            return False
        return True

    def check_room(self, member: str, size: int, waiting: int = 0) -> None:
        """Refuse what goes beyond a quota; `waiting` more blobs are on their way.

        Raises:
            Rejected: ``vault.quota``.
        """
        used, count = self._bytes.get(member, 0), self._count.get(member, 0) + waiting
        if used + size > QUOTA_BYTES or count >= QUOTA_BLOBS:
            raise Rejected(
                "vault.quota",
                f"{member} has {count} blobs and {used} bytes here; {QUOTA_BLOBS} and "
                f"{QUOTA_BYTES} are kept of one organisation",
                "erase what is needed no more: hansa vault list, hansa vault erase",
            )
        if len(self.notes) + waiting >= NOTES_MAX:
            raise Rejected("vault.quota", f"this vault has {NOTES_MAX} blobs: it is full")

    def _charge(self, note: Note, sign: int) -> None:
        size = note.size if note.state == HELD else 0
        self._bytes[note.charged] = self._bytes.get(note.charged, 0) + sign * size
        self._count[note.charged] = self._count.get(note.charged, 0) + sign


def _id_of(name: str) -> bytes | None:
    with suppress(ValueError):
        return bytes.fromhex(name.removesuffix(BLOB))
    return None


def _bad_note(name: str, why: str) -> Corrupt:
    return Corrupt(
        "vault.note",
        f"vault/{name}: {why}",
        "restore the file from a backup; without it nobody knows whether the blob was erased. "
        "Remove it, and the blob is fetched anew from others that hold it",
    )
