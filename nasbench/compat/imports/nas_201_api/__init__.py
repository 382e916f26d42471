"""Makes `import nas_201_api` give `nasbench.compat.nas_201_api`."""

import sys

from nasbench.compat import nas_201_api

sys.modules[__name__] = nas_201_api
