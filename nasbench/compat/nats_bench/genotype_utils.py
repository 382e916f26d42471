"""Stand-in for `nats_bench.genotype_utils`."""

from nasbench.compat.structure import TopologyStructure

__all__ = ["TopologyStructure", "topology_str2structure"]

topology_str2structure = TopologyStructure.str2structure
