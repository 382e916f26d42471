"""Makes `import nats_bench` give `nasbench.compat.nats_bench`."""

import sys

from nasbench.compat import nats_bench

sys.modules[__name__] = nats_bench
