"""Checks of a strategy's requests, with one line of error for a wrong one."""

from nasbench.errors import InvalidInput
from nasbench.problem import Evaluate, Fidelity, Score, TrainShared
from nasbench.spaces.base import Space

_LONGEST = 60


def check_request(space: Space, request: object) -> None:
    """Raise `InvalidInput` unless `request` is an `Evaluate` of an architecture of `space`.

    A table calls it only after a look-up has failed, so that correct requests cost no time here.
    """
    if isinstance(request, Score):
        raise InvalidInput(
            f"the strategy asked for scores of proxy {_shown(request.proxy)}, and this search has "
            "none: a strategy has the tag 'proxies' and names them by its method of that name"
        )
    if not isinstance(request, Evaluate):
        raise InvalidInput(
            f"the strategy asked with {_shown(request)}: ask() returns nasbench.Evaluate"
            "(architecture), or None at its end"
        )
    check_architecture(space, request.architecture)
    if request.fidelity is not None:
        check_fidelity(request.fidelity)


def check_fidelity(fidelity: object) -> None:
    """Raise `InvalidInput` unless `fidelity` is a `Fidelity` of whole numbers."""
    numbers = fidelity if isinstance(fidelity, Fidelity) else (None, None)
    if not _is_count(numbers[0]) or not (numbers[1] is None or _is_count(numbers[1])):
        raise InvalidInput(
            f"the strategy asked for fidelity {_shown(fidelity)}: it is nasbench.Fidelity(epochs) "
            "with a whole number of epochs, or None for the task's own"
        )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def check_training(request: object) -> None:
    """Raise `InvalidInput` unless `request` is a `TrainShared`: one epoch of a supernet."""
    if not isinstance(request, TrainShared):
        raise InvalidInput(
            f"the strategy asked with {_shown(request)}: ask() of a one-shot strategy returns "
            "nasbench.problem.TrainShared(train, derive), or None at its end"
        )


def check_architecture(space: Space, asked: object) -> None:
    """Raise `InvalidInput` unless `asked` is an architecture of `space`."""
    if not space.contains(asked):
        raise InvalidInput(
            f"the strategy asked for {_shown(asked)}: an architecture of space "
            f"'{space.name}' is {space.form}; space.sample(random) and space.parse(text) make one"
        )


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return f"{text} ({type(value).__name__})"
