"""``python -m dqnkit.cli`` is ``dqnkit``."""

from dqnkit.cli import main

main()
