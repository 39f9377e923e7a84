"""`trace` against models: containment, runs, tags and devices keep what they promise."""

from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ledger.ballots import DAY_MS
from ledger.contract import load
from ledger.contracts.trace_devices import BatchRecord, DeviceRecord
from ledger.contracts.trace_runs import RunRecord, VersionRecord
from ledger.contracts.trace_tags import DayRecord, TagRecord
from tests.unit.ledger.scene import START
from tests.unit.ledger.test_trace_devices import LOGGER, DeviceScene
from tests.unit.ledger.test_trace_queries import AskScene
from tests.unit.ledger.test_trace_runs import RunScene, digest, run_id
from tests.unit.ledger.test_trace_tags import TagScene
from tests.unit.ledger.trace_scene import JAR, packed, seen

BOXES = tuple(f"https://id.gs1.org/00/09520600000000{tail}" for tail in ("2224", "3337", "4440"))
JARS = (JAR + "A", JAR + "B")
THINGS = BOXES + JARS
SETTINGS = settings(max_examples=40, stateful_step_count=20, deadline=None)


class ForestMachine(RuleBasedStateMachine):
    """Packing and unpacking at random, beside who is in what."""

    def __init__(self):
        super().__init__()
        self.scene = AskScene()
        self.scene.captured(seen(*JARS, action="ADD", step="commissioning"))
        self.parents, self.known, self.minute = {}, set(JARS), 0

    def capture(self, event):
        self.minute += 1
        return self.scene.capture(event).code

    def above(self, thing):
        """The containers above a thing, as the model has them."""
        found = []
        while thing in self.parents:
            thing = self.parents[thing]
            found.append(thing)
        return found

    @rule(parent=st.sampled_from(BOXES), child=st.sampled_from(THINGS))
    def pack(self, parent, child):
        code = self.capture(packed(parent, child, minute=self.minute + 1))
        cycle = child == parent or child in self.above(parent)
        good = child in self.known and child not in self.parents and not cycle
        assert (code == "OK") == good, code
        if good:
            self.parents[child] = parent
            self.known.add(parent)

    @rule(parent=st.sampled_from(BOXES), child=st.sampled_from(THINGS))
    def unpack(self, parent, child):
        code = self.capture(packed(parent, child, minute=self.minute + 1, action="DELETE"))
        good = self.parents.get(child) == parent
        assert (code == "OK") == good, code
        if good:
            del self.parents[child]

    @rule(parent=st.sampled_from(BOXES))
    def empty(self, parent):
        code = self.capture(packed(parent, minute=self.minute + 1, action="DELETE"))
        assert (code == "OK") == (parent in self.known)
        self.parents = {child: one for child, one in self.parents.items() if one != parent}

    @invariant()
    def every_thing_has_at_most_one_container_and_no_thing_is_above_itself(self):
        for thing in sorted(self.known):
            around = self.scene.ask("where", id=thing)["containers"]
            assert around == self.above(thing)
            assert thing not in around
            assert len(set(around)) == len(around)

    @invariant()
    def what_is_in_a_container_says_so_itself(self):
        for box in BOXES:
            if box in self.known:
                inside = {one for one, _ in self.scene.inside(box)}
                assert inside == {c for c, parent in self.parents.items() if parent == box}


class RunMachine(RuleBasedStateMachine):
    """Runs over few versions, so that every way to a cycle is tried."""

    names = st.lists(st.sampled_from("abcdef"), max_size=3, unique=True)
    numbers = st.integers(0, 5)

    def __init__(self):
        super().__init__()
        self.scene = RunScene()
        self.runs, self.made, self.used = {}, {}, set()

    @rule(number=numbers, inputs=names)
    def start(self, number, inputs):
        receipt = self.scene.run("START", number, inputs=inputs)
        known = self.runs.get(number)
        same = known is not None and known["inputs"] == inputs
        assert receipt.code == ("OK" if known is None or same else "EXISTS")
        if known is None:
            self.runs[number] = {"inputs": inputs, "outputs": [], "state": "started"}
            self.used.update(inputs)

    @rule(number=numbers, outputs=names, kind=st.sampled_from(["COMPLETE", "FAIL", "ABORT"]))
    def end(self, number, outputs, kind):
        outputs = outputs if kind == "COMPLETE" else []
        state = {"COMPLETE": "complete", "FAIL": "failed", "ABORT": "aborted"}[kind]
        code = self.scene.run(kind, number, outputs=outputs).code
        known = self.runs.get(number)
        if known is None:
            assert code == "MISSING"
        elif (known["state"], known["outputs"]) == (state, outputs):
            assert code == "OK"
        elif known["state"] != "started":
            assert code == "STATE"
        else:
            fresh = not any(name in self.used or name in self.made for name in outputs)
            assert (code == "OK") == fresh, code
            if fresh:
                known |= {"outputs": outputs, "state": state}
                self.made |= dict.fromkeys(outputs, number)

    @invariant()
    def the_graph_of_runs_has_no_cycle(self):
        versions, runs = {}, {}
        for _, value in self.scene.ledger.scan_state(b"trace/version/"):
            record = load(value, VersionRecord)
            versions[bytes.fromhex(record.id)] = record.run
        for _, value in self.scene.ledger.scan_state(b"trace/run/"):
            record = load(value, RunRecord)
            runs[record.id] = {versions[one] for one in record.inputs if one in versions}
        while runs:
            ready = [one for one, before in runs.items() if not before & runs.keys()]
            assert ready, runs
            for one in ready:
                del runs[one]

    @invariant()
    def every_version_has_the_run_that_made_it(self):
        stored = {
            load(value, VersionRecord).id: load(value, VersionRecord).run
            for _, value in self.scene.ledger.scan_state(b"trace/version/")
        }
        assert stored == {digest(name).hex(): run_id(n) for name, n in self.made.items()}


class TagMachine(RuleBasedStateMachine):
    """Tags bound and read at random."""

    tags = st.sampled_from(["04aa00000001", "04aa00000002", "04aa00000003"])

    def __init__(self):
        super().__init__()
        self.scene = TagScene()
        self.bound, self.counters, self.reads, self.first = {}, {}, {}, {}

    @rule(tag=tags, item=st.sampled_from(JARS))
    def bind(self, tag, item):
        code = self.scene.bind(tag, item).code
        free = tag not in self.bound and item not in self.bound.values()
        assert code == ("OK" if free else "DUPLICATE")
        if free:
            self.bound[tag], self.counters[tag], self.reads[tag] = item, 0, 0

    @rule(
        item=st.sampled_from(JARS),
        counter=st.integers(0, 5),
        place=st.sampled_from(["CN-31", "CN-11"]),
        good=st.booleans(),
    )
    def scan(self, item, counter, place, good):
        receipt = self.scene.scan(counter, item=item, place_bucket=place, tag_mac_ok=good)
        tag = next((one for one, thing in self.bound.items() if thing == item), None)
        if tag is None:
            assert receipt.code == "MISSING"
            return
        answer = receipt.calls[0].value()
        self.reads[tag] += 1
        if not good:
            assert answer["flags"] == ["mac"]
            return
        if tag in self.first:
            assert ("counter" in answer["flags"]) == (counter < self.counters[tag])
            assert ("repeat" in answer["flags"]) == (counter == self.counters[tag])
        self.first.setdefault(tag, place)
        self.counters[tag] = max(self.counters[tag], counter)

    @rule()
    def tomorrow(self):
        self.scene.block(time=self.scene.ledger.head.time + DAY_MS)

    @invariant()
    def a_tag_is_bound_once_and_its_counter_never_goes_down(self):
        records = {
            load(value, TagRecord).id: load(value, TagRecord)
            for _, value in self.scene.ledger.scan_state(b"trace/tag/")
        }
        assert records.keys() == self.bound.keys()
        for tag, record in records.items():
            assert JAR.removeprefix("https://id.gs1.org/") in record.item
            assert self.bound[tag].endswith(record.item)
            assert record.counter == self.counters[tag]
            assert (record.scans, record.first_place) == (self.reads[tag], self.first.get(tag, ""))

    @invariant()
    def the_days_add_up_to_the_total(self):
        for tag in self.bound:
            days = [
                load(value, DayRecord)
                for _, value in self.scene.ledger.scan_state(f"trace/scans/{tag}/".encode())
            ]
            assert sum(day.scans for day in days) == self.reads[tag]
            assert all(sum(day.places.values()) + day.bad == day.scans for day in days)


class SequenceMachine(RuleBasedStateMachine):
    """Batches of one device, in any order and of any size."""

    def __init__(self):
        super().__init__()
        self.scene = DeviceScene()
        self.sent = []

    @rule(first=st.integers(0, 12), count=st.integers(1, 4))
    def any_batch(self, first, count):
        self.send(first, count)

    @rule(count=st.integers(1, 4), ahead=st.integers(-1, 1))
    def next_batch(self, count, ahead):
        self.send(max(self.next_seq() + ahead, 0), count)

    def next_seq(self):
        return self.sent[-1][0] + self.sent[-1][1] if self.sent else 0

    def send(self, first, count):
        window = {"from": START, "to": START}
        receipt = self.scene.send(first=first, count=count, window=window)
        if not self.sent or first == self.next_seq():
            assert receipt.code == "OK"
            self.sent.append((first, count))
        elif (first, count) in self.sent:
            assert receipt.calls[0].value()["duplicate"]
        else:
            assert (receipt.code, receipt.error_fields()["need"]) == ("RULE", self.next_seq())

    @invariant()
    def the_numbers_of_a_device_rise_without_a_hole(self):
        stored = self.scene.ledger.scan_state(f"trace/batch/{LOGGER}/".encode())
        batches = [load(value, BatchRecord) for _, value in stored]
        assert [(one.first_seq, one.count) for one in batches] == self.sent
        for one, after in pairwise(batches):
            assert after.first_seq == one.last_seq + 1

    @invariant()
    def the_device_knows_its_next_number(self):
        record = self.scene.record()
        assert (record is None) == (not self.sent)
        if record is not None:
            assert isinstance(record, DeviceRecord)
            assert (record.next_seq, record.batches) == (self.next_seq(), len(self.sent))


for machine in (ForestMachine, RunMachine, TagMachine, SequenceMachine):
    machine.TestCase.settings = SETTINGS
TestForest = ForestMachine.TestCase
TestRuns = RunMachine.TestCase
TestTags = TagMachine.TestCase
TestSequence = SequenceMachine.TestCase
