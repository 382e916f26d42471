"""The proxies by name."""

import difflib
from collections.abc import Sequence

from nasbench.benchmarks.training.proxies.flow import log_synflow, synflow
from nasbench.benchmarks.training.proxies.gradients import fisher, grad_norm, grasp, snip
from nasbench.benchmarks.training.proxies.parts import Proxy
from nasbench.benchmarks.training.proxies.patterns import jacov, naswot
from nasbench.benchmarks.training.proxies.zen import zen
from nasbench.errors import InvalidInput

SIZES = ("params", "flops")
"""Proxies that follow from the architecture: numbers of weights and of multiply-adds."""
OF_NETWORKS: dict[str, Proxy] = {
    "grad-norm": grad_norm,
    "snip": snip,
    "grasp": grasp,
    "fisher": fisher,
    "synflow": synflow,
    "log-synflow": log_synflow,
    "jacov": jacov,
    "naswot": naswot,
    "zen": zen,
}
"""Proxies that need a network."""
ALL = "all"


def chosen_proxies(names: Sequence[str]) -> tuple[str, ...]:
    """Return the proxies that a user names, each once, in this module's order; none for `all`.

    Raises `InvalidInput` for an unknown name.
    """
    known = (*SIZES, *OF_NETWORKS)
    for name in names:
        if name not in (*known, ALL):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise InvalidInput(f"proxy '{name}' is unknown: use {', '.join(known)} or {ALL}{hint}")
    return () if ALL in names else tuple(name for name in known if name in names)
