"""The command line of a script: organization and environment, and a flag for each further parameter of its flow."""

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from txo_core.exceptions import ConfigurationError, HelpfulError
from txo_core.flag_values import BadValue, Flag, flags_of
from txo_core.screen import EXIT_USAGE, show_error
from txo_core.settings.checks import closest

COMMON = frozenset({"org_id", "env_type"})
ARGUMENTS = re.compile(r"^(?:Args|Arguments|Parameters):[ ]*\n(?P<body>(?:[ ]+.*(?:\n|\Z)|\n)*)", re.MULTILINE)
ENTRY = re.compile(r"^ {4}(?P<name>\w+)\s*(?:\([^)]*\))?:[ ]*(?P<text>.*(?:\n {5,}.*)*)", re.MULTILINE)
ORDER = "Give the organization and the environment, in this order; flags come behind them, --help lists them"
FILE = re.compile(r"[\w./ -]{1,80}\.[a-z]{2,5}")
USAGE = re.compile(r"^Usage:\n(?P<lines>(?:[ ]+.*\n?)+)", re.MULTILINE)


class HelpfulParser(argparse.ArgumentParser):
    """A parser whose errors say what to type."""

    def error(self, message: str) -> NoReturn:
        """Show the problem, the solution and an example, and exit with 2."""
        self.refuse(f"The command line is not complete or not understood: {plainly(message)}", ORDER)

    def refuse(self, problem: str, solution: str, example: str = "txo prod") -> NoReturn:
        """Show what is wrong, and exit with 2; the example is what stands behind the name of the script."""
        show_error(HelpfulError(problem, solution, f"python {sys.argv[0]} {example}"))
        sys.exit(EXIT_USAGE)

    @property
    def flags(self) -> list[str]:
        """All flags but --help."""
        return [each for action in self._actions for each in action.option_strings if each not in ("-h", "--help")]

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return what the command line says; a flag that is none is told with the one that was meant."""
        found, left = self.parse_known_args(args, namespace)
        unknown = next((each.partition("=")[0] for each in left if each.startswith("--")), None)
        if unknown is not None:
            self._refuse_flag(unknown, f"{found.org_id} {found.env_type}")
        if left:
            self._refuse_word(left[0], f"{found.org_id} {found.env_type}")
        return found

    def _refuse_flag(self, flag: str, names: str) -> NoReturn:
        like = closest(flag, self.flags)
        meant = f"Did you mean {like}? " if like else ""
        self.refuse(
            f"There is no flag {flag}",
            f"{meant}The flags are: {', '.join(self.flags)}",
            f"{names} {like} ..." if like else "--help",
        )

    def _refuse_word(self, word: str, names: str) -> NoReturn:
        """Refuse a word too many; only one that is plainly the name of a file is repeated, another may be a secret."""
        shown = word if FILE.fullmatch(word) else ""
        problem = f"{shown or 'A word'} is one too many: behind organization and environment come flags"
        takes = next((each.option_strings[0] for each in self._actions if each.option_strings and each.metavar), None)
        if takes is None:
            self.refuse(problem, ORDER)
        solution = f"Say by a flag what it is: {', '.join(self.flags)}"
        self.refuse(problem, solution, f"{names} {takes} {shown or '...'}")


def common_parser(description: str, epilog: str = "") -> HelpfulParser:
    """Return a parser that understands what every script does."""
    parser = HelpfulParser(
        prog=f"python {sys.argv[0]}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("org_id", help="organization, such as: txo")
    parser.add_argument("env_type", help="environment, such as: prod")
    parser.add_argument("--debug", action="store_true", help="show what is sent and received, line by line")
    return parser


def parse_flow_arguments(function: Callable[..., Any]) -> tuple[argparse.Namespace, dict[str, Any]]:
    """Return what every script understands, and the values of those parameters of the flow that have been given.

    Each parameter behind organization and environment is a flag: `dry_run: bool = False` is `--dry-run`. Its type is
    that of the annotation, its help what the docstring says under `Args:`. A wrong value, all of them at once, is told
    with what is right, and ends the program with 2.
    """
    text = inspect.getdoc(function) or ""
    flags = flags_of(function, COMMON, argument_texts(text))
    parser = common_parser(ARGUMENTS.sub("", text).strip(), examples(function))
    for flag in flags:
        add_flag(parser, flag)
    arguments = parser.parse_args()
    given = {flag.name: getattr(arguments, flag.name) for flag in flags if hasattr(arguments, flag.name)}
    return arguments, checked(parser, flags, given)


def add_flag(parser: HelpfulParser, flag: Flag) -> None:
    """Let the parser understand a flag."""
    try:
        parser.add_argument(flag.option, dest=flag.name, help=flag.help.replace("%", "%%"), **flag.options)
    except argparse.ArgumentError:
        raise ConfigurationError(
            f"The flow has a parameter {flag.name!r}, and {flag.option} means something else in every script",
            "Give it another name",
            "def report(org_id: str, env_type: str, with_details: bool = False) -> ProcessingResults: ...",
        ) from None


def checked(parser: HelpfulParser, flags: Sequence[Flag], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values in their types; ends the program where some are wrong, and says which."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for flag in flags:
        try:
            if flag.name in given:
                values[flag.name] = flag.value(given[flag.name])
        except BadValue as error:
            problems.append(f"{flag.option}: {error}")
    if problems:
        parser.refuse("\n".join(problems), "Correct it; this says what each flag takes:", "--help")
    return values


def argument_texts(docstring: str) -> dict[str, str]:
    """Return what a docstring says of each parameter under `Args:`, in one line each."""
    section = ARGUMENTS.search(docstring)
    body = section["body"] if section else ""
    return {match["name"]: " ".join(match["text"].split()) for match in ENTRY.finditer(body)}


def examples(function: Callable[..., Any]) -> str:
    """Return the lines under `Usage:` of the file in which the flow stands."""
    module = inspect.getmodule(inspect.unwrap(function))
    match = USAGE.search(inspect.getdoc(module) or "") if module is not None else None
    return f"examples:\n{match['lines']}" if match else ""


def plainly(message: str) -> str:
    """Return argparse's sentence about the value of a flag in words of people."""
    message = re.sub(r"argument (--\S+): expected .*", r"\1 needs a value", message)
    return re.sub(r"argument (--\S+): ignored explicit argument.*", r"\1 takes no value", message)
