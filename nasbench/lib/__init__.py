"""Stand-ins for modules of `nasbench.lib` of Google's NAS-Bench-101 code: see `nasbench.api`.

Those that train networks with TensorFlow are not there.
"""
