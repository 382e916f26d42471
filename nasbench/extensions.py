"""Import classes of other packages, named as `package.module:Class`."""

import importlib
from typing import Any

from nasbench.errors import InvalidInput


def imported(kind: str, name: str, path: str) -> Any:
    """Import and return the object that `path` (`package.module:Class`) names.

    Importing runs the module's code. `kind` (such as "strategy") and `name` are used in error
    messages only. Raises `InvalidInput` if the module cannot be imported or has no such object.
    """
    module_name, _, class_name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # the import of a module may raise anything
        absent = isinstance(error, ModuleNotFoundError)
        advice = "; install it or put its folder on PYTHONPATH" if absent else ""
        raise InvalidInput(
            f"{kind} '{name}': module '{module_name}' cannot be imported ({reason(error)}){advice}"
        ) from error
    found = getattr(module, class_name, None)
    if found is None:
        raise InvalidInput(f"{kind} '{name}': module '{module_name}' has no class '{class_name}'")
    return found


def reason(error: BaseException) -> str:
    """Return a one-line description of an exception that another package's code raised."""
    text = " ".join(str(error).split())
    if isinstance(error, (ImportError, InvalidInput)) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
