"""The error of a disk that did not keep what was written.

The promise: whoever sees `DiskFailed` ends the process. After a failed write or
fsync nobody knows what the disk holds, and a second fsync may answer "done" for
bytes that are gone; so nothing here is ever tried twice (docs/spec/storage.md, 2).
"""

from hansa.errors import Corrupt


class DiskFailed(Corrupt):
    """A read, write or fsync failed: stop the process, look at the disk, start again.

    It is a `Corrupt` so that nobody takes it for the fault of a sender or of a contract.
    """


def disk_failed(operation: str, name: str, error: Exception) -> DiskFailed:
    """A `DiskFailed` that names the operation, the file and the system's reason."""
    return DiskFailed(
        "disk.failed",
        f"{operation} of {name}: {error}",
        "check the disk's space and health (df, dmesg), then start the node again: "
        "it goes on from its last durable state",
    )
