from collections.abc import Callable

def packb(o: object, *, use_bin_type: bool = ...) -> bytes: ...
def unpackb(
    packed: bytes,
    *,
    raw: bool = ...,
    strict_map_key: bool = ...,
    ext_hook: Callable[[int, bytes], object] = ...,
) -> object: ...
