"""Time and peak memory of `nasbench data import` on a synthetic file in the official format.

    python -m bench.import_memory --cells 2000
    python -m bench.import_memory --cells 2000 --form size

Every architecture has the official size: two schedules, 17 runs, all curves; three schedules, 20
runs in the size half of NATS-Bench.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.benchmarks import synthetic

_OLDER, _NATS = (partial(synthetic.chunks, keys=keys) for keys in (("less", "full"), ("12", "200")))
FORMS = {
    "legacy": ("NAS-Bench-201-synthetic.pth", synthetic.write_legacy_torch, _OLDER),
    "zip": ("NAS-Bench-201-synthetic-zip.pth", synthetic.write_zip_torch, _OLDER),
    "bz2": ("NATS-tss-synthetic.pickle.pbz2", synthetic.write_bz2, _NATS),
    "size": ("NATS-sss-synthetic.pickle.pbz2", synthetic.write_bz2, synthetic.size_chunks),
}
"""Name of the file, the function that writes it, and the one that yields its content."""


def main() -> None:
    """Write the file, import it in a process of its own, print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--form", choices=FORMS, default="legacy")
    parser.add_argument("--folder", type=Path, help="where to work, else a temporary folder")
    arguments = parser.parse_args()
    name, write, chunks = FORMS[arguments.form]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = write(Path(folder) / name, chunks(arguments.cells))
        environment = dict(os.environ, NASBENCH_DATA=str(Path(folder) / "data"))
        code = f"""
from pathlib import Path
from nasbench.benchmarks.sources.official import import_official
print(import_official(Path({str(path)!r})).info.cells, "architectures imported")
"""
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        size = path.stat().st_size / 1e6
        print(
            f"{arguments.form}: {arguments.cells} cells, {size:.0f} MB file: {seconds:.1f} s, "
            f"peak {peak:.0f} MiB"
        )


if __name__ == "__main__":
    main()
