"""Every schema Elexon publishes and ours of the same name give the same verdict, on made instances and on variations of
them in one place. Skipped where Elexon's files are not beside the repository.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from random import Random
from typing import Any

import msgspec
import pytest

from opendip.catalogue import Catalogue, compile_channel, compile_definition, list_definition_faults
from opendip.catalogue.compiling import compile_variant
from tests.unit.catalogue import official
from tests.unit.catalogue.instances import Mutation, list_mutations, make

pytestmark = pytest.mark.skipif(not official.DIRECTORY.is_dir(), reason="Elexon's files are not beside the repository")

DEEP_VARIATIONS = 60
"""How many variations inside a message's blocks are tried for each instance: the blocks are compared by themselves."""

Verdict = Callable[[bytes], bool]


def explain(name: str, mutation: Mutation, *, ours: bool, theirs: bool) -> str | None:
    """Why ours may differ from the official schema, or None: then the difference is a mistake."""
    if mutation.is_untyped_object and theirs and not ours and not isinstance(_find(mutation), dict):
        return "an object is published without `type: object`, so that any text or number would do in its place"
    may_be_doubled = name == "IF-020-Payload" or name.startswith("DIPMessage")
    if may_be_doubled and ours and not theirs and _has_doubled_event_code(mutation.value):
        return "RelatedAdd and RelatedRemove are listed by RelatedCreate too: `oneOf` would refuse every such message"
    return None


def _find(mutation: Mutation) -> Any:
    value = mutation.value
    for step in mutation.path:
        value = value[step]
    return value


def _has_doubled_event_code(value: Any) -> bool:
    text = json.dumps(value)
    return "[RelatedAdd]" in text or "[RelatedRemove]" in text


def test_ours_and_the_official_schemas_agree_on_every_variation_of_every_schema(
    catalogue: Catalogue, record_property: Callable[[str, object], None], equivalence_report: dict[str, object]
) -> None:
    explained: Counter[str] = Counter()
    unexplained: list[str] = []
    compared = instances = 0
    for key in official.load_definitions():
        name = key.partition("~")[2]
        verdict, theirs = _build_verdict(name, catalogue), official.build_validator(key)
        compared += 1
        for mutation in _list_instances(key, name):
            instances += 1
            expected = theirs.is_valid(mutation.value)
            found = verdict(json.dumps(mutation.value).encode())
            if found is not expected:
                reason = explain(name, mutation, ours=found, theirs=expected)
                explained[reason or ""] += 1
                if reason is None:
                    unexplained.append(f"{name}: {mutation.kind} at {mutation.path}: ours {found}, theirs {expected}")
    counts = {"schemas": compared, "instances": instances, "explained disagreements": dict(explained)}
    equivalence_report.update(counts, unexplained=len(unexplained))
    record_property("equivalence", counts)
    assert unexplained == []


def _list_instances(key: str, name: str) -> Iterator[Mutation]:
    """Valid instances, and variations of them: every one of a small schema or of a message's outer levels."""
    random = Random(name)
    schema = official.load_definitions()[key]
    is_message = "-Payload" in name or name.startswith(("DIPMessage", "IF-", "REP-0", "REP-9"))
    rounds = 4 if name.startswith("DIPMessage") else 1
    for option, optional, _ in product(schema.get("oneOf", [schema]), (0.5, 1.0, 0.0), range(rounds)):
        value = make(option, random, optional=optional)
        yield Mutation("valid", (), False, value)
        variations = list(list_mutations(option, value, random))
        deep = [v for v in variations if is_message and len(v.path) > 2 and "S0" not in v.path]
        yield from (v for v in variations if not is_message or len(v.path) <= 2 or "S0" in v.path)
        yield from random.sample(deep, min(len(deep), DEEP_VARIATIONS))


def _build_verdict(name: str, catalogue: Catalogue) -> Verdict:
    """Whether ours accepts: by the decoder, and by the list of faults, which must agree."""
    decode = _build_decoder(name, catalogue)

    def accepts(raw: bytes) -> bool:
        is_faultless = not list_definition_faults(name, catalogue, raw, limit=1)
        if decode is not None:
            assert _can_decode(decode, raw) is is_faultless, (name, raw)
        return is_faultless

    return accepts


def _can_decode(decode: Callable[[bytes], Any], raw: bytes) -> bool:
    try:
        decode(raw)
    except msgspec.ValidationError:
        return False
    return True


def _build_decoder(name: str, catalogue: Catalogue) -> Callable[[bytes], Any] | None:
    for channel in catalogue.channels.values():
        if name == f"{channel.id}-Payload":
            return _below_payload(compile_channel(channel, catalogue).decode)
        for variant in channel.variants:
            if name == variant.name:
                return _below_payload(compile_variant(variant, catalogue).decode)
    if name.startswith("DIPMessage"):
        return None
    return compile_definition(name, catalogue).decode


def _below_payload(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    return lambda raw: decode(b'{"payload":' + raw + b"}")
