"""`python -m nasbench`, and `nasbench`: nothing heavy is imported before errors are caught."""

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
