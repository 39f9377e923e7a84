"""The overlay against its slow twin: a plain dict that is copied at each savepoint."""

from hypothesis import given
from hypothesis import strategies as st

from ledger.state import Overlay, Prefixed
from storage.kv import MemoryStore

KEYS = st.sampled_from([b"a", b"ab", b"abc", b"b", b"ba", b"c"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.binary(max_size=2)),
        st.tuples(st.just("delete"), KEYS, st.just(b"")),
        st.tuples(st.just("save"), st.just(b""), st.just(b"")),
        st.tuples(st.just("rollback"), st.just(b""), st.just(b"")),
        st.tuples(st.just("begin"), st.just(b""), st.just(b"")),
    ),
    max_size=40,
)


@given(st.dictionaries(KEYS, st.binary(max_size=2)), STEPS)
def test_the_overlay_does_what_copied_dicts_do(stored, steps):
    store = MemoryStore()
    store.write({b"s" + key: value for key, value in stored.items()}, sync=True)
    view, twin = Overlay(Prefixed(store, b"s")), dict(stored)
    saved = []
    view.begin(10_000, 1_000)
    actions = {
        "put": lambda key, value: (view.put(key, value), twin.__setitem__(key, value)),
        "delete": lambda key, value: (view.delete(key), twin.pop(key, None)),
        "save": lambda key, value: saved.append((view.save(), dict(twin))),
        "rollback": lambda key, value: saved and _back(view, twin, *saved.pop()),
        "begin": lambda key, value: (view.begin(10_000, 1_000), saved.clear()),
    }
    for action, key, value in steps:
        actions[action](key, value)

    assert list(view.scan(b"")) == sorted(twin.items())
    assert list(view.scan(b"a")) == sorted(p for p in twin.items() if p[0].startswith(b"a"))
    after = dict(stored)
    changes = view.net_changes()
    after.update(changes)
    assert {key: value for key, value in after.items() if value is not None} == twin
    assert all(stored.get(key) != value for key, value in changes.items())


def _back(view, twin, savepoint, copy):
    view.rollback(savepoint)
    twin.clear()
    twin.update(copy)
