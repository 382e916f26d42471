"""Files of a table's exact front: a picture, and a CSV of its members."""

from collections.abc import Iterator
from pathlib import Path

from nasbench.files import RESULTS, atomic_write
from nasbench.harness.compare.tables.formats import Columns, columns_to_csv
from nasbench.harness.fronts import ExactFront, Fronts
from nasbench.harness.search.task import Task
from nasbench.problem import scores_of
from nasbench.provenance import provenance
from nasbench.text import file_name

FORMS = ("pdf", "png")


def front_columns(task: Task, fronts: Fronts, dataset: str) -> Columns:
    """Return the members of the exact front of a data set's final values, a row for each.

    `value/NAME` is an objective's value as a search sees it, `valid/NAME` and `test/NAME` are the
    final ones; without a test split there is no `test/NAME`, and the front is that of validation.
    """
    front = fronts.test[dataset]
    members = front.members
    splits = {"value": fronts.signal, "valid": fronts.valid[dataset]}
    if task.has_test:
        splits["test"] = front
    found: dict[str, list[object]] = {
        "index": members.tolist(),
        "architecture": [front.space.format(front.space.architecture(i)) for i in members.tolist()],
    }
    for place, metric in enumerate(task.objectives):
        for split, one in splits.items():
            values = scores_of(task.objectives, one.scores[members])
            found[f"{split}/{metric.name}"] = values[:, place].tolist()
    return found


def write_front(task: Task, fronts: Fronts, out: Path) -> Iterator[Path]:
    """Write picture and members of every data set's front into a folder; yield the files' paths.

    There is a picture of two objectives only. Raises `StoreError` where a file cannot be written.
    """
    for dataset, front in fronts.test.items():
        name = file_name(f"front-{dataset}")
        path = out / f"{name}.csv"
        with atomic_write(path, RESULTS) as file:
            file.write(columns_to_csv(front_columns(task, fronts, dataset)).encode())
        yield path
        if len(task.objectives) == 2:
            yield from _pictures(task, front, dataset, out / name)


def _pictures(task: Task, front: ExactFront, dataset: str, path: Path) -> Iterator[Path]:
    from nasbench.harness.compare.figures.saving import contents
    from nasbench.harness.draw_front import front_figure

    about = (
        f"exact front: {len(front.members):,} of {front.known:,} architectures, which no other is "
        f"better than in both; table {task.content[:8]}, protocol {task.protocol}, nasbench "
        f"{provenance()['nasbench'] or 'from source'}"
    )
    title = f"Exact front of {Path(task.benchmark).name} on {dataset}"
    figure = front_figure(front, title, task.outcome, about)
    for form, content in contents(figure, FORMS).items():
        place = path.with_name(f"{path.name}.{form}")
        with atomic_write(place, RESULTS) as file:
            file.write(content)
        yield place
