"""The one base of every error that a user can put right.

Its text says what was wrong, where (file, row, field, key), and what to do. The command line prints it
without a stack trace and leaves with exit code 2; everything else is a fault of ours and is shown whole.
"""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can put right."""
