"""Conformance suite of tables: what every table for searches must do, as tests."""

import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.protocols import Protocol, own_protocol, protocols_for, searched_in
from nasbench.benchmarks.tables.objectives import default_objective
from nasbench.benchmarks.tables.sealing import seal_test
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tabular import Query, TabularBenchmark
from nasbench.errors import TestSetSealed
from nasbench.problem import Evaluate
from nasbench.randomness import Random

_FORBIDDEN = ("test", "pooled")
"""Splits that a search must not see."""


class TableConformance:
    """Tests of a table: subclass it and set `table` to the table to be tested.

    `table` is the name of an installed table, the path of a file, or a `Table`. A failed check
    raises `AssertionError`.
    """

    table: ClassVar[str | Path | Table]

    @property
    def _table(self) -> Table:
        return self.table if isinstance(self.table, Table) else load_table(self.table)

    def _searches(self) -> list[tuple[str, Protocol]]:
        """Return every data set of the table with every protocol under which it can be searched."""
        table, found = self._table, []
        for dataset in searched_in(table):
            fitting = [one for one in protocols_for(table) if dataset in one.datasets]
            every = (*fitting, own_protocol(table, dataset))
            found += [(dataset, one.of(dataset)) for one in every]
        return found

    def _benchmark(self, dataset: str, protocol: Protocol) -> TabularBenchmark:
        table = self._table
        signal = Query(dataset, protocol.schedule, protocol.epochs, protocol.signal)
        metric = default_objective(table, dataset)
        return TabularBenchmark(
            table.search, table.rows, table.space, signal, (metric,),
            timed=table.search.has_seconds(dataset),
        )  # fmt: skip

    def test_a_file_is_the_same_table(self) -> None:
        """A table that is written to a file and read again has the same hash and description."""
        table = self._table
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.safetensors"
            table.save(path)
            again = Table.open(path)
            again.verify()
            assert again.hash == table.hash
            assert again.info == table.info

    def test_a_search_sees_no_test(self) -> None:
        """A search's view has no column of test, and none can be read while a search runs."""
        table = self._table
        by_name = {column.name: column for column in table.info.columns}
        for name in table.search.names:
            assert by_name[name].split not in _FORBIDDEN, f"a search sees '{name}'"
            parts = set(name.split("/"))
            assert not parts & set(_FORBIDDEN), f"'{name}' is of test and says that it is not"
        for dataset, protocol in self._searches():
            read = table.test.mean if table.has_test else table.test.valid_mean
            with seal_test():
                try:
                    read(dataset, protocol.final_schedule, default_objective(table, dataset).name)
                except TestSetSealed:
                    continue
            raise AssertionError(f"test of '{dataset}' can be read while a search runs")

    def test_validation_is_not_test(self) -> None:
        """The final validation values differ from the final test values, where there are any."""
        table = self._table
        for dataset, protocol in self._searches() if table.has_test else ():
            metric = default_objective(table, dataset).name
            final = protocol.final_schedule
            if not table.test.has_valid(dataset, final, metric):
                continue  # there is none that could be taken for test
            valid = table.test.valid_mean(dataset, final, metric)
            test = table.test.mean(dataset, final, metric)
            assert not np.array_equal(valid, test, equal_nan=True), (
                f"'{dataset}': what a search sees at the end is what the judge reads"
            )

    def test_it_can_be_searched(self) -> None:
        """There is a data set to search; all have answers within bounds, and costs above 0."""
        searches = self._searches()
        assert searches, "no data set has values that are judged at a schedule's end"
        for dataset, protocol in searches:
            answers = self._benchmark(dataset, protocol).answers(None)
            metric = default_objective(self._table, dataset)
            known = answers.values[~answers.failed]
            assert known.size, f"'{dataset}': every evaluation fails"
            assert (known >= metric.low).all()
            assert (known <= metric.high).all()
            if self._table.search.has_seconds(dataset):
                assert (answers.seconds[~answers.failed] > 0).all()

    def test_what_is_found_can_be_judged(self) -> None:
        """Every architecture that a search can find has final test values.

        It has final validation values too, unless the table has none at all.
        """
        table = self._table
        for dataset, protocol in self._searches():
            known = ~self._benchmark(dataset, protocol).answers(None).failed.all(axis=0)
            for reported in protocol.reports[dataset]:
                judge = TableJudge(
                    table.test, table.rows, table.space, (reported,), protocol.final_schedule,
                    (default_objective(table, dataset),),
                )  # fmt: skip
                truth = judge.truth(reported)
                metric = default_objective(table, dataset).name
                has_valid = table.test.has_valid(reported, protocol.final_schedule, metric)
                lost = known & (
                    (has_valid & np.isnan(truth.valid)) | (table.has_test & np.isnan(truth.test))
                )
                assert not lost.any(), (
                    f"'{reported}': {int(lost.sum())} architectures can be found and not judged, "
                    f"such as index {int(np.flatnonzero(lost)[0])}"
                )

    def test_more_training_costs_more(self) -> None:
        """An evaluation at a higher fidelity costs more than one at a lower fidelity."""
        for dataset, protocol in self._searches():
            if not self._table.search.has_seconds(dataset):
                continue
            benchmark = self._benchmark(dataset, protocol)
            before = np.zeros(())
            for fidelity in benchmark.fidelities:
                answers = benchmark.answers(fidelity)
                seconds = np.where(answers.failed, np.nan, answers.seconds)
                cheaper = seconds <= before
                assert not cheaper.any(), (
                    f"'{dataset}': {fidelity.epochs} epochs of index "
                    f"{int(np.argwhere(cheaper)[0][-1])} cost no more than fewer"
                )
                before = seconds

    def test_every_architecture_of_the_space_has_its_own_row(self) -> None:
        """The answer for an architecture is the table's entry at its index."""
        table = self._table
        space = table.space
        for dataset, protocol in self._searches():
            benchmark, random = self._benchmark(dataset, protocol), Random(0)
            answers, session = benchmark.answers(None), benchmark.session(Random(1))
            for _ in range(50):
                one = space.sample(random)
                found, index = session.answer(Evaluate(one)), space.index(one)
                if not found.failed:
                    assert found.values[0] in answers.values[:, index, 0]
                    assert found.seconds in answers.seconds[:, index]
