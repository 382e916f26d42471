"""Errors that a user can cause; each message is one line: the input, the reason and the fix.

The command line prints the message and ends with exit code 2. In Python they are ordinary
exceptions with one base class.
"""


class NasbenchError(Exception):
    """Base class of all exceptions that nasbench raises on purpose; the message is one line."""


class InvalidInput(NasbenchError):
    """A value the user gave (a name, a budget, an architecture) cannot be used."""


class DataError(NasbenchError):
    """A table or source file is missing, damaged, unreadable or not the file it should be."""


class StoreError(NasbenchError):
    """A results folder cannot be read or written."""


class TestSetSealed(NasbenchError):
    """A search tried to read the test set while it was running."""

    __test__ = False  # not a test case: pytest must not collect it because of its name


class CannotCompare(NasbenchError):
    """Runs cannot be compared in one table, because their judge, protocol or budget differ."""
