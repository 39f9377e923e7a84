"""What is done to the processes of a network: each fault says what it did, and is mended.

The promise: a fault that ended leaves all nodes running and all links whole; what cannot be done
on this machine is not offered (`available`).
"""

import os
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

from node import demo
from tests.integration.network import until

BACK_S = 60.0
"""A node that was mended is ready by then."""
DISK_BYTES = 128 * 2**20
"""A small disk: a home of some minutes and its store's compactions fit, a filler takes the rest."""
CLOCK_SOURCE = Path(__file__).with_name("clock_step.c")
STEP = struct.Struct("=q")


def build_clock(folder):
    """The library that steps the wall clock of a process; None where no C compiler is.

    Debian's faketime is no help: with it CPython 3.11 either waits for wrong times (its timed
    locks never end, monotonic time jumps with wall time) or, where it leaves monotonic time
    alone, `time.sleep` fails and a hop to a thread takes 9 ms instead of 0.1.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = folder / "clock_step.so"
    words = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(CLOCK_SOURCE)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    return None if done.returncode else library


class Nemesis:
    """Does harm to nodes of a network, one kind at a time, and mends it.

    Attributes:
        told: what was done, in order, as (seconds since the beginning, words).
    """

    def __init__(self, network, chance, proxy=None):
        self.network, self.chance, self.proxy = network, chance, proxy
        self.names = [entry.name for entry in network.nodes]
        self.told = []
        self._began = time.monotonic()
        self._disks, self._clocks = {}, {}
        self._library = None

    def tell(self, words):
        """Write down what is done."""
        self.told.append((round(time.monotonic() - self._began, 1), words))

    def home(self, name):
        """The home of a node."""
        return self.network.home / name

    def pid(self, name):
        """The process of a node; None where there is none."""
        return next(p.pid for p in self.network.processes() if p.entry.name == name)

    def available(self):
        """The faults that this machine can do."""
        found = ["kill", "kill_all", "pause", "cut_store"]
        if self.proxy is not None:
            found += ["delay", "drop", "half_open", "throttle"]
        if self._clocks:
            found.append("clock")
        if self._disks:
            found.append("fill_disk")
        return found

    # -- what has to be there before the nodes run ---------------------------------------------

    def give_clock(self, name):
        """Let a node that does not run start with a clock that can be set; whether it has one."""
        self._library = self._library or build_clock(self.network.home)
        if self._library is not None:
            self._clocks[name] = self.network.home / f"{name}.clock"
            self._clocks[name].write_bytes(STEP.pack(0))
        return self._library is not None

    def set_clock(self, name, offset_s):
        """Step a node's wall clock while it runs."""
        with self._clocks[name].open("r+b", buffering=0) as file:
            file.write(STEP.pack(offset_s))

    def give_small_disk(self, name):
        """Put the home of a node that does not run on a small disk of its own; whether it is."""
        home = self.home(name)
        aside = home.with_name(f"{name}.aside")
        if os.geteuid() != 0:
            return False
        home.rename(aside)
        home.mkdir(mode=0o700)
        size = f"size={DISK_BYTES},mode=0700"
        words = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(home)]
        if subprocess.run(words, check=False, capture_output=True).returncode:
            home.rmdir()
            aside.rename(home)
            return False
        shutil.copytree(aside, home, dirs_exist_ok=True)
        self._disks[name] = aside
        return True

    def close(self):
        """Give back the small disks; the network has ended."""
        for name, aside in self._disks.items():
            home = self.home(name)
            kept = home.with_name(f"{name}.kept")
            shutil.copytree(home, kept, ignore=shutil.ignore_patterns("filler"))
            subprocess.run(["umount", "--lazy", str(home)], check=False)
            shutil.rmtree(aside)
            home.rmdir()
            kept.rename(home)
        self._disks.clear()

    def start(self, *names):
        """Start nodes and wait until they serve; each with the clock that it was given."""
        chosen = [entry for entry in self.network.nodes if entry.name in names]
        for entry in chosen:
            before = {key: os.environ.get(key) for key in self._environment(entry.name)}
            os.environ.update(self._environment(entry.name))
            try:
                started = demo.launch(self.network.home, [entry])
            finally:
                for key, value in before.items():
                    os.environ.pop(key)
                    if value is not None:
                        os.environ[key] = value
            demo.wait_ready(self.network.home, started, [entry], BACK_S)

    def _environment(self, name):
        if name not in self._clocks:
            return {}
        return {"LD_PRELOAD": str(self._library), "CLOCK_STEP_FILE": str(self._clocks[name])}

    # -- processes -------------------------------------------------------------------------------

    def kill(self, seconds):
        """SIGKILL to one node, and its start after a while."""
        name = self.chance.choice(self.names)
        self.tell(f"kill {name} for {seconds:.0f} s")
        self.network.kill(name)
        time.sleep(seconds)  # how long it stays away
        self.start(name)

    def kill_all(self, seconds):
        """SIGKILL to all nodes at once."""
        self.tell(f"kill all for {seconds / 4:.0f} s")
        self.network.kill(*self.names)
        time.sleep(seconds / 4)
        self.start(*self.names)

    def pause(self, seconds):
        """SIGSTOP to one node, SIGCONT after a while."""
        name = self.chance.choice(self.names)
        pid = self.pid(name)
        self.tell(f"pause {name} for {seconds:.0f} s")
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)  # how long it stands still
        finally:
            os.kill(pid, signal.SIGCONT)

    # -- links -------------------------------------------------------------------------------------

    def _bad_links(self, seconds, words, **faults):
        name = self.chance.choice(self.names)
        self.tell(f"{words} at {name} for {seconds:.0f} s")
        self.proxy.order(self.proxy.of(name), **faults)
        time.sleep(seconds)  # how long the links are bad
        self.proxy.mend()

    def delay(self, seconds):
        """What passes to and from a node is late."""
        late = self.chance.choice((0.05, 0.3, 1.0))
        self._bad_links(seconds, f"links {late} s late", delay_s=late)

    def throttle(self, seconds):
        """A node has a bad line."""
        rate = self.chance.choice((4_000, 20_000, 100_000))
        self._bad_links(seconds, f"links of {rate} bytes/s", rate=rate)

    def half_open(self, seconds):
        """Connections stay and carry nothing, in one direction of dialling or in both."""
        self._bad_links(seconds, "links that carry nothing", is_silent=True)

    def drop(self, seconds):
        """Connections of a node are cut again and again; for the last third none is let in."""
        name = self.chance.choice(self.names)
        self.tell(f"cut the connections of {name} for {seconds:.0f} s")
        links = self.proxy.of(name)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends - seconds / 3:
            self.proxy.cut(links)
            time.sleep(self.chance.uniform(0.1, 1.0))  # until the next cut
        self.proxy.order(links, is_refused=True)
        self.proxy.cut(links)
        time.sleep(max(0.0, ends - time.monotonic()))
        self.proxy.mend()

    # -- clock and disk ----------------------------------------------------------------------

    def clock(self, seconds):
        """A node's wall clock jumps, and back after a while."""
        name = self.chance.choice(sorted(self._clocks))
        offset_s = self.chance.choice((-600, -61, -4, 4, 61, 600))
        self.tell(f"clock of {name} {offset_s:+d} s for {seconds:.0f} s")
        self.set_clock(name, offset_s)
        time.sleep(seconds)  # how long it is wrong
        self.set_clock(name, 0)

    def fill_disk(self, seconds):
        """A node's disk runs full; after a while there is room again and it is started."""
        name = self.chance.choice(sorted(self._disks))
        pid, filler = self.pid(name), self.home(name) / "filler"
        self.tell(f"fill the disk of {name}")
        chunk = bytes(2**16)
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(chunk) == len(chunk):
                    pass
            except OSError:
                pass  # full: that was the aim
        until(lambda: self.pid(name) != pid, BACK_S, f"{name} ends when its disk is full")
        self.tell(f"{name} ended: {last_words(self.network, name)}")
        time.sleep(seconds / 4)
        filler.unlink()
        self.start(name)

    def cut_store(self, seconds):
        """The newest file of a killed node's store loses its end; then it is started.

        LevelDB takes a torn tail for what was never synced; the vote log and block sync bring
        back what is gone. A node that does not start after it breaks the manifest.
        """
        name = self.chance.choice(self.names)
        self.network.kill(name)
        logs = sorted((self.home(name) / "data").glob("*.log"))
        size = logs[-1].stat().st_size
        kept = self.chance.randrange(max(size // 2, 0), size + 1)
        os.truncate(logs[-1], kept)
        self.tell(f"kill {name}, cut its store's log from {size} to {kept} bytes")
        time.sleep(seconds / 4)
        self.start(name)


def last_words(network, name):
    """The end of what a node wrote."""
    lines = network.log(name).splitlines()
    return lines[-1][:300] if lines else "nothing"
