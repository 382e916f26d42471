"""Stand-ins for the APIs of other libraries, which answer from nasbench's tables.

    python -m nasbench.compat SCRIPT ...              # a script of others, unchanged
    from nasbench.compat import nats_bench            # in place of `import nats_bench`
    from nasbench.compat import nas_201_api           # in place of `import nas_201_api`

Signatures, names and numbers are those of `nats-bench` 1.8 and `nas-bench-201` 2.1. What the table
does not have raises `NotInTable`. The script decides which numbers it reads, test included: nothing
is sealed here. See docs/compat.md.
"""
