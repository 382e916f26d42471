"""The public files of NAS-Bench-101: where they are, the tables they make, the papers to cite."""

from nasbench.benchmarks.sources.fetch import PublicFile
from nasbench.spaces.nb101 import NAME, SMALL_NAME

TEST_ONLY, SAMPLE = "nb101-test", "nb101-20k"

_ROWS = PublicFile(
    repository="Zhenhan-Huang/NASGraph-Public",
    commit="1f8fd621c60a48728fcc890818b6b94eee62e4dc",
    path="data/nasbench_only108.csv",
    size=None,
    sha256="",
    blob="ff74caf0b8b41677b739d9c81a606a9ef21614cd",
    licence="Apache-2.0",
    authors="Zhenhan Huang et al., NASGraph",
    taken="mean accuracy on training, validation and test after 108 epochs, by hash",
)


def _freerea(what: str, bytes_: int, sha256: str, taken: str) -> PublicFile:
    return PublicFile(
        repository="NiccoloCavagnero/FreeREA",
        commit="9c2a726cd3adf526c43ae52a515a8fc5ea927fe7",
        path=f"cached_metrics/nasbench101/cifar10/{what}.pkl.gz",
        size=bytes_,
        sha256=sha256,
        licence="MIT",
        authors="Niccolò Cavagnero et al., FreeREA",
        taken=taken,
    )


_TEST = _freerea(
    "accuracies",
    1844769,
    "84bcca117040f6f499e81743baee1ffaa3865f014bc7489fb1833dc06905f55e",
    "mean test accuracy after 108 epochs",
)
_PARAMETERS = _freerea(
    "params",
    4105386,
    "1b312e23917a312c6fc6f356e579ba1166870e6671f7cb1c093685a2558a1e6a",
    "parameters",
)
_SAMPLE = PublicFile(
    repository="tiga1231/nasbench-vis",
    commit="7aec0e76fbcd963371799af25f78223069897b58",
    path="static/data/data-20k.json",
    size=2862972,
    sha256="7eaca9658aebf16443d3df5b38e61fe75d85787abc485cfc9a2088328443c3e9",
    licence="ISC",
    authors="nasbench-vis",
    taken="validation after 4, 12, 36 and 108 epochs and seconds of 108, one training each",
)
_RECORDS = PublicFile(
    repository="PedramBakh/EC-NAS-Bench",
    commit="13e373ead9d5c1fa177de1c1217b0cd9d8739aac",
    path="ecnas/ecnas/utils/data/tabular_benchmarks/energy_5V9E.tfrecord",
    size=2136916,
    sha256="0be8df1e21dac4e7a927ee13823fb3f30fd900f8dee2a41f1572319e8af702cc",
    licence="MIT",
    authors="Pedram Bakhtiarifard et al., EC-NAS",
    taken="accuracy, seconds and energy of 4 epochs",
    copyright="Copyright (c) 2022 Pedram Bakh",
)
FILES = {
    NAME: (_ROWS, _TEST, _PARAMETERS),
    TEST_ONLY: (_TEST, _PARAMETERS),
    SAMPLE: (_SAMPLE, _TEST),
    SMALL_NAME: (_RECORDS, _TEST),
}
TITLES = {
    NAME: "NAS-Bench-101: 423,624 cells, means of three trainings of 108 epochs",
    TEST_ONLY: "NAS-Bench-101: mean test and parameters alone, cannot be searched",
    SAMPLE: "NAS-Bench-101: 20,001 cells with four numbers of epochs, a pool",
    SMALL_NAME: "NAS-Bench-101: cells of at most 5 vertices, 4 epochs with energy (EC-NAS)",
}

NAS_BENCH_101 = """@inproceedings{ying2019nasbench,
  author = {Chris Ying and Aaron Klein and Eric Christiansen and Esteban Real and Kevin Murphy and
            Frank Hutter},
  title = {{NAS-Bench-101}: Towards Reproducible Neural Architecture Search},
  booktitle = {International Conference on Machine Learning},
  pages = {7105--7114},
  year = {2019}
}"""
NASGRAPH = """@inproceedings{huang2024graph,
  author = {Zhenhan Huang and Tejaswini Pedapati and Pin-Yu Chen and Chunheng Jiang and Jianxi Gao},
  title = {Graph is All You Need? {L}ightweight Data-agnostic Neural Architecture Search without
           Training},
  year = {2024}
}"""
FREEREA = """@inproceedings{cavagnero2023freerea,
  author = {Niccol{\\`o} Cavagnero and Luca Robbiano and Barbara Caputo and Giuseppe Averta},
  title = {{FreeREA}: Training-Free Evolution-based Architecture Search},
  booktitle = {Winter Conference on Applications of Computer Vision},
  year = {2023}
}"""
EC_NAS = """@inproceedings{bakhtiarifard2024ecnas,
  author = {Pedram Bakhtiarifard and Christian Igel and Raghavendra Selvan},
  title = {{EC-NAS}: Energy Consumption Aware Tabular Benchmarks for Neural Architecture Search},
  booktitle = {International Conference on Acoustics, Speech and Signal Processing},
  year = {2024}
}"""
PAPERS = {
    _ROWS: NASGRAPH,
    _TEST: FREEREA,
    _PARAMETERS: FREEREA,
    _RECORDS: EC_NAS,
}
"""The paper that a file belongs to, beside that of NAS-Bench-101."""
