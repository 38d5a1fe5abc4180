"""Reading a YAML file that people write: every value with its line, every fault with what is expected.

Values are taken as they are written, so that a DIP id without quotes keeps its leading zeros.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import yaml

from opendip.domain.plain_text import make_plain
from opendip.domain.problems import Problem

_MAX_SHOWN = 20
_NULL = "tag:yaml.org,2002:null"
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Fault(NamedTuple):
    """One fault of a file. The text never quotes an MPAN."""

    line: int
    where: str
    text: str

    def __str__(self) -> str:
        place = f"line {self.line}, {self.where}" if self.where else f"line {self.line}"
        return make_plain(f"{place}: {self.text}")


class FaultyFile(Problem):
    """A file cannot be used as it is; nothing of it was."""

    def __init__(self, file: Path, faults: Sequence[Fault]) -> None:
        shown = [f"  {fault}" for fault in faults[:_MAX_SHOWN]]
        if len(faults) > _MAX_SHOWN:
            shown.append(f"  and {len(faults) - _MAX_SHOWN} more")
        super().__init__("\n".join([f"{file} was not applied. Put this right and try again:", *shown]))
        self.faults = tuple(faults)


class Form(NamedTuple):
    """What a text must look like."""

    pattern: re.Pattern[str]
    expected: str


class EntryRefused(Problem):
    """This entry has a fault; the others are still read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Value:
    """A value where it stands."""

    node: yaml.Node
    where: str

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    def refuse(self, text: str) -> EntryRefused:
        return EntryRefused(Fault(self.line, self.where, text))

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    def get_text(self, form: Form | None = None) -> str:
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value.strip():
            raise self.refuse(f"{form.expected if form else 'text'} is expected")
        text: str = self.node.value.strip()
        if form and not form.pattern.fullmatch(text):
            raise self.refuse(f"{form.expected} is expected")
        return text

    def get_choice(self, choices: Collection[str], noun: str) -> str:
        text = self.get_text()
        if text in choices:
            return text
        raise self.refuse(f"there is no {noun} {text}. {_suggest(text, choices)}")

    def get_date(self) -> date:
        text = self.get_text()
        try:
            if _DATE.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        raise self.refuse("a date is expected, such as 2026-03-21")

    def get_count(self, most: int) -> int:
        text = self.get_text()
        if not (text.isascii() and text.isdigit() and len(text) < 15 and 1 <= int(text) <= most):
            raise self.refuse(f"a whole number from 1 to {most} is expected")
        return int(text)

    def list_values(self) -> list["Value"]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.refuse("a list is expected")
        return [Value(node, f"{self.where}[{number}]") for number, node in enumerate(self.node.value, 1)]


@dataclass(frozen=True, slots=True)
class Entry:
    """A mapping of which every key is known, none is there twice and none that is needed is missing."""

    place: Value
    values: Mapping[str, Value]

    def find(self, key: str) -> Value | None:
        return self.values.get(key)

    def get(self, key: str) -> Value:
        return self.values[key]

    def list_of(self, key: str) -> list[Value]:
        """The values of a list; empty when the key is missing."""
        value = self.values.get(key)
        return value.list_values() if value else []


@dataclass(slots=True)
class EntryReader:
    """Collects the faults of a file, so that people put them all right at once."""

    file: Path
    faults: list[Fault] = field(default_factory=list)

    def open(self) -> Value:
        """The file's own value; raises `FaultyFile` when it is no YAML at all."""
        try:
            node = self._compose(self.file.read_text("utf-8"))
        except OSError as fault:
            raise Problem(f"{self.file} cannot be read: {fault.strerror}.") from None
        except UnicodeDecodeError:
            raise Problem(f"{self.file} is not UTF-8 text.") from None
        except yaml.YAMLError as fault:
            mark = getattr(fault, "problem_mark", None)
            words = getattr(fault, "problem", None) or "it cannot be read"
            line = mark.line + 1 if mark else 1
            raise FaultyFile(self.file, [Fault(line, "", f"not YAML: {words}")]) from None
        if node is None:
            raise FaultyFile(self.file, [Fault(1, "", "the file is empty")])
        return Value(node, "")

    def _compose(self, text: str) -> yaml.Node | None:
        loader = yaml.SafeLoader(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
        except RecursionError:
            raise FaultyFile(self.file, [Fault(loader.line + 1, "", "nested too deeply to be read")]) from None
        return node

    def read(self, value: Value, needed: Collection[str], optional: Collection[str] = ()) -> Entry:
        """A mapping with these keys. Null stands for a key that is not there."""
        if not isinstance(value.node, yaml.MappingNode):
            raise value.refuse(f"{', '.join(needed) or ', '.join(optional)}: … is expected")
        values: dict[str, Value] = {}
        for key_node, node in value.node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise value.refuse("a key is a single word here, not a list or a mapping")
            key = str(key_node.value)
            place = Value(node, f"{value.where}.{key}".lstrip("."))
            if key not in needed and key not in optional:
                text = f"there is no key {key} here. {_suggest(key, [*needed, *optional])}"
                self.faults.append(Fault(key_node.start_mark.line + 1, value.where, text))
            elif key in values:
                self.faults.append(Fault(key_node.start_mark.line + 1, place.where, "the key is there twice"))
            elif node.tag != _NULL:
                values[key] = place
        missing = [key for key in needed if key not in values]
        if missing:
            raise value.refuse(f"{', '.join(missing)} is missing")
        return Entry(value, values)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """What is read within is left out when it has a fault, and the fault is kept."""
        try:
            yield
        except EntryRefused as refused:
            self.faults.append(refused.fault)

    def refuse_if_faulty(self) -> None:
        if self.faults:
            raise FaultyFile(self.file, sorted(self.faults))


def _suggest(text: str, known: Collection[str]) -> str:
    near = get_close_matches(text, known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
