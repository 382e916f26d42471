"""What `nasbench.api` and `nasbench.lib` are made of: the API of Google's NAS-Bench-101 code."""
