"""Time and peak memory of `nasbench data import` on a synthetic file in the official format.

    python -m bench.import_memory --cells 2000

Every cell has the official size: two schedules, 17 runs, all curves.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import synthetic

FORMS = {
    "legacy": ("NAS-Bench-201-synthetic.pth", synthetic.write_legacy_torch, ("less", "full")),
    "zip": ("NAS-Bench-201-synthetic-zip.pth", synthetic.write_zip_torch, ("less", "full")),
    "bz2": ("NATS-tss-synthetic.pickle.pbz2", synthetic.write_bz2, ("12", "200")),
}


def main() -> None:
    """Write the file, import it in a process of its own, print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--form", choices=FORMS, default="legacy")
    parser.add_argument("--folder", type=Path, help="where to work, else a temporary folder")
    arguments = parser.parse_args()
    name, write, keys = FORMS[arguments.form]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = write(Path(folder) / name, synthetic.chunks(arguments.cells, keys=keys))
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
