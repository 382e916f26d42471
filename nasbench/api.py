"""Placeholder for `nasbench.api` of Google's NAS-Bench-101 code: its import raises `ImportError`.

That package has the same import name, `nasbench`.
"""

raise ImportError(
    "this is the package nasbench that compares search strategies; `nasbench.api` and "
    "`nasbench.lib` are of Google's NAS-Bench-101 code, which has the same import name: use it in "
    "another environment (pip install git+https://github.com/google-research/nasbench), where this "
    "one is not installed"
)
