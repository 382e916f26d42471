"""Experiments that an earlier version began, which continue by the rules of that version."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nasbench.harness.results.store import ExperimentFolder, folder_name, in_group
from nasbench.harness.search.experiment import Experiment
from nasbench.place import Place
from nasbench.strategies.registry import find_strategy


def as_stored(
    experiment: Experiment,
    results: Path,
    name: str | None,
    place: Place,
    say: Callable[[str], None],
) -> Experiment:
    """Return the stored experiment that `experiment` continues, or else `experiment` itself.

    A stored experiment is the same search although its entropy is of an earlier rule, a setting
    did not exist yet, or its protocol named the device, which is that of `place`. More seeds are
    then added to the stored experiment: its runs keep their rule, and a comparison shows one row
    instead of two. A search of shared weights begins anew if settings have been added since, as
    its training may have changed with the version. `say` is told where an experiment with an
    earlier entropy rule continues.
    """
    path = results / folder_name(experiment, name)
    same = [one for one in in_group(path.parent) if _same_search(one, experiment, place)]
    if not same or any(one.experiment == experiment for one in same):
        return experiment
    folder = max(same, key=lambda one: one.experiment.entropy_rule)
    if folder.experiment.entropy_rule < experiment.entropy_rule:
        say(
            f"'{folder.label}' was begun by an earlier version and goes on by its rule: equal "
            "seeds of several data sets share their draws there"
        )
    return folder.experiment


def _same_search(folder: ExperimentFolder, asked: Experiment, place: Place) -> bool:
    """Return whether a stored experiment is the same search as `asked`.

    They may differ in the entropy rule, in settings added since, and in a place of training that
    an earlier version stored.
    """
    stored = folder.experiment
    reference = stored.task.reference
    if reference.earlier_device == place.device:  # its hash includes the device
        task = replace(
            stored.task, reference=reference.without_device(), content=asked.task.content
        )
        stored = replace(stored, task=task)
    known, wanted = stored.settings_of(asked.settings), asked.settings
    if stored.task.shared and (known != wanted or stored.earlier_place != place):
        return False
    defaults = vars(find_strategy(asked.strategy).Settings())
    return (
        replace(stored, settings=wanted, entropy=asked.entropy, entropy_rule=asked.entropy_rule)
        == asked
        and stored.entropy_rule <= asked.entropy_rule
        and known.keys() <= wanted.keys()
        and all(wanted[one] == {**defaults, **known}[one] for one in wanted)
    )
