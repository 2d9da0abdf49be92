"""Add options of the kinds that the commands have many of."""

import argparse
from typing import Any


def flag(parser: argparse._ActionsContainer, name: str, text: str) -> None:
    """Add an option without a value.

    :param text: its help.
    """
    parser.add_argument(name, action="store_true", help=text)


def option(
    parser: argparse._ActionsContainer, name: str, metavar: str, text: str, **details: Any
) -> None:
    """Add an option with a value.

    :param text: its help.
    :param details: further arguments of :meth:`argparse.ArgumentParser.add_argument`.
    """
    parser.add_argument(name, metavar=metavar, help=text, **details)


def repeated(
    parser: argparse._ActionsContainer, name: str, metavar: str, text: str, **details: Any
) -> None:
    """Add an option with a value that may be given several times; see :func:`option`."""
    option(parser, name, metavar, text, action="append", **details)
