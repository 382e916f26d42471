"""Entry point of the commands `nasbench` and `python -m nasbench`.

Heavy modules are imported only after the code that catches errors has started.
"""

from collections.abc import Callable

from nasbench.cli import entry


def main() -> None:
    """Run the command line."""
    entry.run(_commands)


def _commands() -> Callable[..., object]:
    from nasbench.cli.app import app

    return app


if __name__ == "__main__":
    main()
