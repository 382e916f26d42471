"""Find all objects that an object refers to, directly or through other objects."""

import gc
from collections.abc import Iterator
from types import FunctionType, ModuleType


def reachable(root: object) -> Iterator[object]:
    """Yield `root` and every object that it refers to, directly or through other objects.

    Classes and modules are left out. Of a function, its closure and default values are followed,
    but not the globals of its module.
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
