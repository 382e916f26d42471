"""What the notes under tables say: each in full, and in few words for a page."""

from typing import NamedTuple

from nasbench.harness.search.task import Seconds


class Note(NamedTuple):
    """A note under a table, and the same in few words for a page."""

    text: str
    brief: str = ""
    """Empty where the note is short as it is."""
    only_here: bool = False
    """Whether a page goes without it."""

    @property
    def on_a_page(self) -> str:
        """The note as it stands in a paper; empty where it does not."""
        return "" if self.only_here else self.brief or self.text


BOLD = Note(
    "bold: no other row has a significantly better {} (Mann-Whitney, Holm over {} of "
    "rows of the data set, alpha 0.05, and the better mean)",
    "bold: no other row is significantly better (Mann-Whitney, Holm over {1}, 0.05)",
)
BOLD_PART = Note(
    "bold: no other row on this clock has a significantly better {} at that part of the "
    "budget (Mann-Whitney, Holm over all pairs of these rows on the data set, alpha 0.05, and the "
    "better mean); none is where no test can be significant with so few rows or runs",
    "bold: no other row on this clock is significantly better then (Mann-Whitney, Holm over all "
    "pairs, 0.05)",
)
CLOCKS = {
    Seconds.SIMULATED: Note(
        "simulated s: seconds that the benchmark's table says, not measured per run",
        "simulated s: the benchmark's, not measured per run",
    ),
    Seconds.TRAINING: Note(
        "training s: real seconds of training and validating networks or shared weights, on the "
        "machine that ran them",
        "training s: real seconds of training and validation",
    ),
    Seconds.MIXED: Note(
        "mixed s: seconds that the table says; those of trained architectures are real "
        "seconds times the number after * in the protocol's name, a ratio measured on 3 of them",
        "mixed s: the table's seconds, and real seconds of trainings scaled to them",
    ),
}
SHARED_EPOCHS = Note(
    "shared epochs: epochs of training shared weights, which no architecture is evaluated in",
    "shared epochs: of training shared weights",
)
WALL_TIME = Note(
    "real s: what a run took on the machine that ran it, everything included",
    "real s: of the whole run, measured",
)
TUNING = Note(
    "tuning {0}: seconds of the same clock that all searches took which chose a row's settings; 0 "
    "where no tuning is recorded",
    "tuning {0}: of all searches that chose a row's settings",
)
SCORES = Note(
    "scores: of zero-cost proxies, none of which is an evaluation; score s: seconds that measuring "
    "them took, as stored once for all runs",
    "scores: of zero-cost proxies; score s: that measuring them took, as stored",
)
CONSTRAINED = Note(
    "infeasible: evaluations that do not meet the constraints; they count, are charged, and are "
    "never the answer",
    "infeasible: evaluations that do not meet the constraints",
)
PERCENTILE = (
    Note(
        "percentile: percent of all architectures that the answer is better than",
        "percentile: of all architectures",
    ),
    Note(
        "better than the mean: by how many percent the answer is better than the mean architecture",
        "better than the mean: than the mean architecture, in percent",
    ),
    Note(
        "random evaluations: after which the best architecture by the search's signal is expected "
        "to be as good, in closed form without replacement",
        "random evaluations: after which random search is expected to be as good",
    ),
)
GAIN = Note(
    "p: Wilcoxon signed-rank, the same runs at the end and at half of it, Holm-corrected over the "
    "rows of the data set",
    "p: of the gain in the second half (Wilcoxon, Holm)",
)
MEAN_REGRET = Note(
    "mean regret: area under the regret curve over its length, from when all runs have an answer",
    "mean regret: over the whole budget",
)
TARGET = Note(
    "reached: runs that reached the target, {}; median, and expected (taken by all "
    "runs, of those that did not their whole budget, over runs that reached it), in seconds of "
    "the clock and in evaluations or epochs",
    "reached: runs with {}",
)
PAIRS = Note(
    "p: Mann-Whitney, two-sided, Holm-corrected over {} of rows of the data set",
    "p: Mann-Whitney, Holm-corrected over {}",
)
PAIRS_BOLD = Note("bold: p below 0.05")
RANKS = Note(
    "mean rank of mean {}, 1 is best; normalised regret: 0 is the best architecture, 1 the "
    "mean of all, each data set in its own metric on {} at the end of the full training",
    "mean rank of mean {}, 1 is best; normalised regret: 0 is the best architecture, 1 the mean",
)
RANKS_ALONE = Note("mean rank of mean {}, 1 is best")
RANKS_BY_SPACE = Note(
    "mean rank by space: all data sets of a space are averaged into one block ({1}); over these "
    "{0}: {2}",
    "mean rank by space: a space is one block; over {0}: {2}",
)
RANKS_BETTER = Note("better than the first: chance that a run beats one of {}, mean over data sets")
RANKS_BOLD = Note("bold: mean rank less than {} {:.2f} behind the best")
RANKS_PLAIN = Note("nothing is bold: no difference of mean ranks can be significant")
PICKS = Note(
    "handed over: runs whose final set has a member within the bounds; the others are left out of "
    "the means",
    "handed over: runs with such a member, which the means are over",
)
SETS_PLAIN = Note("nothing is bold here: of sets, the hypervolume is tested")
SETS_FRONT = Note(
    "found: part of the exact front's points; IGD+, epsilon: distance to the exact front, whose "
    "values are scaled to 0 to 1 in each objective; 0 is the whole front"
)
SETS_SHARED = Note(
    "of shared weights a set has what the supernets derived: of each the last architecture, by its "
    "own shared weights and its costs; without a sweep it is one",
    "of shared weights: what each supernet derived last",
)


def filled(note: Note, *values: object) -> Note:
    """Return a note with values in the place of its braces."""
    return note._replace(text=note.text.format(*values), brief=note.brief.format(*values))
