"""What an object holds, directly or through others."""

import gc
from collections.abc import Iterator
from types import FunctionType, ModuleType


def reachable(root: object) -> Iterator[object]:
    """Yield every object that `root` holds, directly or through others; not code or modules.

    Of a function, what it has captured is followed, not the module it is from.
    """
    seen, queue = {id(root)}, [root]
    while queue:
        current = queue.pop()
        yield current
        if isinstance(current, FunctionType):
            held = [current.__closure__, current.__defaults__, current.__kwdefaults__]
        else:
            held = gc.get_referents(current)
        for found in held:
            if id(found) not in seen and not isinstance(found, (type, ModuleType)):
                seen.add(id(found))
                queue.append(found)
