"""`python -m nasbench`."""

from nasbench.cli.app import main

main()
