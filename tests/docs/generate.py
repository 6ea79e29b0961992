"""Writes docs/settings.md and docs/cli.md from the code; `--check` only says whether they are current."""

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import typer
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from server.cli import app
from server.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"

SETTINGS_TOP = """\
# Settings

Quillroom reads its settings from the environment. This page is generated from `server/settings.py`; `make docs` writes
it anew.

A setting that is empty counts as not set. `quillroom serve` has options for the most common ones, which win over the
environment ([cli.md](cli.md)).
"""
CLI_TOP = """\
# Commands

This page is generated from `server/cli.py`; `make docs` writes it anew. Without installing anything into the path, run
them as `.venv/bin/quillroom` or `.venv/bin/python -m server`. Every command reads the [settings](settings.md); one that
needs the database uses that of a running `serve` of the same data directory, or starts it for as long as it needs it.
"""
GROUPS = (
    ("Where things are", ("database_url", "redis_url", "data_dir", "storage_")),
    ("Serving", ("host", "port", "workers", "base_url", "allowed_origins", "trusted_proxies")),
    ("People", ("session_days",)),
    ("Mail", ("smtp_", "digest_")),
    ("Channels", ("secret_", "channel_", "reddit_", "websub_")),
    ("Logs and figures", ("log_", "slow_", "worker_metrics_")),
    ("Limits", ("max_", "messages_", "outbox_")),
    ("Live documents", ("room_", "presence_", "relay_")),
)


def pages() -> dict[Path, str]:
    """Every generated page and what it must say."""
    return {DOCS / "settings.md": settings_page(), DOCS / "cli.md": cli_page()}


def settings_page() -> str:
    """The settings, in groups. Raises LookupError for a setting that is in no group."""
    parts = [SETTINGS_TOP]
    left = dict(Settings.model_fields)
    for heading, beginnings in GROUPS:
        names = [name for beginning in beginnings for name in left if name.startswith(beginning)]
        parts.append(f"\n## {heading}\n\n| setting | default | meaning |\n|---|---|---|\n")
        for name in names:
            field = left.pop(name)
            parts.append(f"| `{_variable(name, field)}` | {_default(field)} | {_meaning(field)} |\n")
    if left:
        raise LookupError(f"settings in no group: {', '.join(left)}")
    return "".join(parts)


def cli_page() -> str:
    """The commands, each with what it does and its options."""
    return "".join([CLI_TOP, *_commands(app, "quillroom")])


def _commands(group: typer.Typer, path: str) -> Iterator[str]:
    for command in group.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        yield f"\n## `{path} {name}`\n\n{_paragraphs(inspect.getdoc(command.callback) or '')}\n"
        yield from _options(command.callback)
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from _commands(inner.typer_instance, f"{path} {inner.name}")


def _options(callback: Callable[..., object]) -> Iterator[str]:
    hints = get_type_hints(callback, include_extras=True)
    parameters = inspect.signature(callback).parameters.values()
    if parameters:
        yield "\n| option | meaning |\n|---|---|\n"
    for parameter in parameters:
        kind, option = get_args(hints[parameter.name])
        kinds = [each for each in get_args(kind) or (kind,) if each is not type(None)]
        spelling = f"--{parameter.name.replace('_', '-')}{_value(kinds[0])}"
        yield f"| `{spelling}` | {option.help}{_preset(parameter.default)} |\n"


def _value(kind: type) -> str:
    if kind is bool:
        return ""
    if issubclass(kind, Enum):
        return " " + "/".join(str(choice.value) for choice in kind)
    return {int: " NUMBER", Path: " DIRECTORY"}.get(kind, " TEXT")


def _preset(default: object) -> str:
    if default is inspect.Parameter.empty:
        return " Required."
    if default is None or default is False:
        return ""
    return f" Default: `{default.value if isinstance(default, Enum) else default}`."


def _paragraphs(text: str) -> str:
    return "\n\n".join(re.sub(r"\s+", " ", part).strip() for part in text.split("\n\n"))


def _variable(name: str, field: FieldInfo) -> str:
    if isinstance(field.validation_alias, str):
        return field.validation_alias
    return f"QUILLROOM_{name.upper()}"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "required"
    if value in {"", ()}:
        return "empty"
    if isinstance(value, int) and value >= 1024 * 1024 and value % (1024 * 1024) == 0:
        return f"`{value}` ({value // (1024 * 1024)} MiB)"
    return f"`{value}`"


def _meaning(field: FieldInfo) -> str:
    words = [str(field.description)]
    if get_origin(field.annotation) is Literal:
        words.append("One of " + ", ".join(f"`{choice}`" for choice in get_args(field.annotation)) + ".")
    bounds = {type(limit).__name__: limit for limit in field.metadata}
    if "Ge" in bounds and bounds["Ge"].ge:
        words.append(f"At least {bounds['Ge'].ge}.")
    if "Le" in bounds:
        words.append(f"At most {bounds['Le'].le}.")
    return " ".join(words).replace("|", r"\|")


def main() -> None:
    """Write the pages, or check them. Ends with 1 if a page is out of date."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="only say whether the pages are current")
    check = arguments.parse_args().check
    stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text("utf-8") != text}
    if check and stale:
        sys.exit(f"Out of date, run `make docs`: {', '.join(path.name for path in stale)}")
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(DOCS.parent)}")


if __name__ == "__main__":
    main()
