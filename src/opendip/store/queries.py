"""Reads sql/*.sql, where SQL lives in blocks: `-- name: verb_object`, a line of purpose, the query."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_BLOCK = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


@cache
def load_queries(noun: str) -> Mapping[str, str]:
    """The queries of `sql/<noun>.sql` by name."""
    return parse_queries(files("opendip.store").joinpath("sql", f"{noun}.sql").read_text("utf-8"))


def parse_queries(text: str) -> Mapping[str, str]:
    queries: dict[str, str] = {}
    for name, body in _BLOCK.findall(text):
        if name in queries:
            raise ValueError(f"the query {name} is there twice")
        queries[name] = body.strip()
    return MappingProxyType(queries)
