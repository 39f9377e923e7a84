"""The counts that bound a script (docs/spec/script.md, sections 2, 4 and 5)."""

SOURCE_BYTES_MAX = 32 * 1024
"""Of a source: members read it before they vote, and it stands in the state whole."""
NESTING_MAX = 32
"""Of expressions and of blocks: what reads them recurses, and its stack has an end."""
NODES_MAX = 8_000
"""Parts of a program: what one pass through the longest body can cost."""
STEPS_MAX = 200_000
"""Of one call: about 20 ms, the weight of a call of a script (docs/spec/ledger.md, 3.7)."""
SIZE_MAX = 4 * 1024 * 1024
"""Units that one call may make: at least the bytes of all its values together."""
DEPTH_MAX = 64
"""Functions entered and not yet left: the interpreter's stack holds several times that."""
VALUE_DEPTH_MAX = 16
"""Nesting of a value that is compared, printed or handed over: that of canonical values."""
FIELDS_MAX = 8
"""Fields of a refusal or an event of a script: a receipt carries them for ever."""
TEXT_MAX = 256
"""Characters of a text in a refusal: a sentence, not a document."""
KEY_MAX = 128
"""Characters of a key of a script's own data."""
DATA_BYTES_MAX = 16 * 1024
"""Of one value of a script's data: a record, not a file."""
WRITES_MAX = 64
"""Distinct keys that one call writes: a settlement among all members, not a table."""
EVENTS_MAX = 32
"""Of one call."""
KEYS_MAX = 256
"""Keys that one listing returns: a call that needs more keeps its own index."""
ARGUMENTS_BYTES_MAX = 64 * 1024
"""Of the arguments of a call, canonical: documents are named by their digests."""
