"""The command line, ``dqnkit``: `main` runs the command that is named."""

from dqnkit.cli.commands import main

__all__ = ["main"]
