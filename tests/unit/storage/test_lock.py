import os
import subprocess
import sys

import pytest

from hansa.errors import Unavailable
from storage.errors import DiskFailed
from storage.lock import HomeLock


def test_a_home_has_one_owner_whose_number_is_told(tmp_path):
    with HomeLock(tmp_path), pytest.raises(Unavailable, match=r"home\.in-use") as caught:
        HomeLock(tmp_path)
    assert f"pid {os.getpid()}:" in caught.value.detail
    assert "hansa status" in caught.value.hint


def test_a_home_is_free_after_its_owner(tmp_path):
    first = HomeLock(tmp_path)
    first.close()
    first.close()

    with HomeLock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_the_lock_goes_with_the_process_however_it_ends(tmp_path):
    code = """if True:
        import os, pathlib, sys, storage.lock
        kept = storage.lock.HomeLock(pathlib.Path(sys.argv[1]))
        os._exit(9)
    """
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)

    assert done.returncode == 9
    HomeLock(tmp_path).close()


def test_a_home_that_is_not_there_is_a_failed_disk(tmp_path):
    with pytest.raises(DiskFailed, match="lock of"):
        HomeLock(tmp_path / "absent")
