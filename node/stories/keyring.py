"""Keys of the stories' organisations: made once, kept in the network's directory, mode 0600.

The promise: whoever can read the directory plays as these organisations, nobody else. In a
development network the keys stand open and say so; in any other they are encrypted under a
passphrase by chance that lies beside them, as `hansa net create` does it.
"""

import secrets
import threading
from pathlib import Path

from hansa.errors import Rejected
from hansa.keyfile import Purpose, create_dev_key_file, create_key_file, open_key_file
from hansa.signing import SigningKey
from node.network import DESK_KEY, MEMBER_KEY, MEMBERS_FOLDER, PASSPHRASE_FILE

STORIES_FOLDER = "stories"
"""In the network's directory: keys and proof files of the stories."""
PASSPHRASE_BYTES = 16
"""Nobody has to remember it: 128 bits of chance."""


class Keyring:
    """The keys that lie in a network's directory; may be used by several threads."""

    def __init__(self, home: Path, *, development: bool) -> None:
        """Use the directory `home`; new keys stand open where `development` is true."""
        self.home = home
        self._development = development
        self._open: dict[Path, SigningKey] = {}
        self._lock = threading.Lock()

    def member(self, name: str) -> SigningKey:
        """A member's own key, which votes and enrols.

        Raises:
            Rejected: ``key.missing`` when it is not here.
        """
        return self._read(self._folder(name) / f"{MEMBER_KEY}.json")

    def desk(self, name: str) -> SigningKey:
        """The key of a member's front desk, which does everything else.

        Raises:
            Rejected: ``key.missing`` when it is not here.
        """
        return self._read(self._folder(name) / f"{DESK_KEY}.json")

    def has(self, name: str) -> bool:
        """Whether this directory can vote as a member."""
        return (self._folder(name) / f"{MEMBER_KEY}.json").exists()

    def make(self, name: str) -> tuple[SigningKey, SigningKey]:
        """The two keys of a member, made where they are missing: its own, its desk's."""
        folder = self._folder(name)
        own = self._need(folder / f"{MEMBER_KEY}.json", "member")
        return own, self._need(folder / f"{DESK_KEY}.json", "user")

    def own(self, name: str) -> SigningKey:
        """A key of a story's own, of a device or a person; made when it is missing."""
        return self._need(self.home / STORIES_FOLDER / "keys" / f"{name}.json", "user")

    def _folder(self, name: str) -> Path:
        return self.home / MEMBERS_FOLDER / name / "keys"

    def _need(self, path: Path, purpose: Purpose) -> SigningKey:
        with self._lock:
            if not path.exists():
                try:
                    self._make(path, purpose)
                except Rejected as error:
                    if error.code != "key.exists":  # another run was faster: that key it is
                        raise
        return self._read(path)

    def _make(self, path: Path, purpose: Purpose) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = SigningKey.generate()
        if self._development:
            create_dev_key_file(path, key, purpose)
            return
        beside = path.parent / PASSPHRASE_FILE
        if not beside.exists():
            beside.touch(mode=0o600)
            beside.write_text(secrets.token_hex(PASSPHRASE_BYTES) + "\n", encoding="ascii")
        words = beside.read_text(encoding="ascii").strip()
        create_key_file(path, key, purpose, words, strength="interactive")

    def _read(self, path: Path) -> SigningKey:
        with self._lock:
            if path not in self._open:
                beside = path.parent / PASSPHRASE_FILE
                words = beside.read_text(encoding="ascii").strip() if beside.exists() else None
                self._open[path] = _opened(path, words)
            return self._open[path]


def _opened(path: Path, words: str | None) -> SigningKey:
    try:
        return open_key_file(path, words).key
    except Rejected as error:
        if error.code != "key.missing":
            raise
        raise Rejected(
            error.code,
            f"nobody can sign as {path.parent.parent.name} here: {error.detail}",
            "play the stories with the directory of the network: --home DIR",
        ) from error
