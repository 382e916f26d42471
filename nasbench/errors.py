"""Errors a user can cause, each one line that names the input, the reason and the fix.

The command line prints the message and ends with exit code 2; in Python they are
ordinary exceptions under one base.
"""


class NasbenchError(Exception):
    """Base of everything nasbench raises on purpose; its text is one clear line."""


class InvalidInput(NasbenchError):
    """A value the user gave (a name, a budget, an architecture) cannot be used."""


class DataError(NasbenchError):
    """A table or source file is missing, damaged, unreadable or not what was promised."""


class StoreError(NasbenchError):
    """A results folder cannot be read or written."""


class TestSetSealed(NasbenchError):
    """A search reached for the test set while it was running."""

    __test__ = False  # no test case, whatever pytest makes of the name


class CannotCompare(NasbenchError):
    """Runs were asked into one table although their judge, protocol or budget differ."""
