"""Help pages whose options stand under headings, so that those that everybody needs come first; and their examples."""

from __future__ import annotations

from typing import Any

import click

COMMON = "Options"  # the heading of options that name no other


class SectionOption(click.Option):
    """An option that stands under a heading of its own."""

    def __init__(self, *arguments: Any, section: str = COMMON, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.section = section


class SectionCommand(click.Command):
    """A command whose help has a heading for each section, in the order in which the options name them."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options below their headings; click's own page has only one."""
        sections: dict[str, list[tuple[str, str]]] = {COMMON: []}
        for parameter in self.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None and isinstance(parameter, click.Option):
                sections.setdefault(getattr(parameter, "section", COMMON), []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def examples(*lines: str) -> str:
    """The end of a help page: commands to copy."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
