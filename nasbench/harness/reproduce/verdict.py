"""Is a measured mean the published one?"""

from enum import StrEnum
from typing import NamedTuple

import numpy as np

from nasbench.harness.compare.significance import ALPHA


class Outcome(StrEnum):
    """What an equivalence test says."""

    REPRODUCED = "reproduced"
    DIFFERENT = "different"
    OPEN = "open"


class Verdict(NamedTuple):
    """Published and measured mean beside each other."""

    difference: float  #: measured minus published, in percentage points
    margin: float  #: within which means count as the same
    p_value: float  #: of two one-sided tests that the difference is beyond the margin
    outcome: Outcome


def equivalence(
    published: tuple[float, float, int], measured: tuple[float, float, int], margin: float
) -> Verdict:
    """Test whether two means are within `margin`, from mean, standard deviation and n of each.

    Two one-sided tests (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 1987) with
    Welch's standard error. `REPRODUCED` where both reject at 0.05; `DIFFERENT` where the difference
    is beyond the margin by a one-sided test at 0.05 too; else `OPEN`: too few runs to tell.
    """
    from scipy.stats import t

    (theirs, their_std, their_n), (ours, our_std, our_n) = published, measured
    difference = ours - theirs
    parts = np.array([their_std**2 / their_n, our_std**2 / our_n])
    error = float(np.sqrt(parts.sum()))
    if min(their_n, our_n) < 2 or np.isnan(error):
        return Verdict(difference, margin, np.nan, Outcome.OPEN)
    if error == 0:
        same = abs(difference) < margin or difference == 0
        outcome = Outcome.REPRODUCED if same else Outcome.DIFFERENT
        return Verdict(difference, margin, 0.0 if same else 1.0, outcome)
    freedom = float(parts.sum() ** 2 / (parts**2 / (np.array([their_n, our_n]) - 1)).sum())
    distance = (abs(difference) - margin) / error
    p_value = float(t.cdf(distance, freedom))
    outcome = Outcome.OPEN
    if p_value < ALPHA:
        outcome = Outcome.REPRODUCED
    elif p_value > 1 - ALPHA:
        outcome = Outcome.DIFFERENT
    return Verdict(difference, margin, p_value, outcome)
