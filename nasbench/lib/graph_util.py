"""Stand-in for `nasbench.lib.graph_util`."""

from nasbench.compat.nasbench101.graphs import (
    gen_is_edge_fn,
    hash_module,
    is_full_dag,
    is_isomorphic,
    num_edges,
    permute_graph,
)

__all__ = [
    "gen_is_edge_fn",
    "hash_module",
    "is_full_dag",
    "is_isomorphic",
    "num_edges",
    "permute_graph",
]
