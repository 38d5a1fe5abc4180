"""The release that ships, and how a release that cannot be read is told."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendip.catalogue import Catalogue, MalformedRelease, list_releases, load, load_from
from opendip.catalogue.model import Choice, Flag, Number, Property, Record, Reference, Sequence, Shape, Text
from opendip.catalogue.notation import describe_shape, read_shape, write_yaml
from opendip.catalogue.release import RELEASES, read_yaml


def test_the_shipped_release_has_every_channel_event_code_and_response_code(catalogue: Catalogue) -> None:
    assert catalogue.release == "2.1.0"
    assert len(catalogue.channels) == 58
    assert sum(len(channel.event_codes) for channel in catalogue.channels.values()) == 146
    assert len(catalogue.response_codes) == 193
    assert catalogue.response_codes["MSG1001"] == "Schema Failure"
    assert all(catalogue.response_codes.values())
    assert list_releases() == ["2.1.0"]


def test_a_channel_says_what_it_is(catalogue: Catalogue) -> None:
    channel = catalogue.channels["IF-021"]

    assert channel.name == "Provide Settlement Period Consumption"
    assert (channel.publication_id, channel.schema_version) == ("PUB-021", "011")
    assert channel.event_codes == ("ActivePower", "ReactivePower")
    assert (channel.has_mpan, catalogue.channels["IF-019"].has_mpan, catalogue.channels["IF-022"].has_mpan) == (
        True,
        True,
        False,
    )


def test_a_release_nobody_ships_is_told(tmp_path: Path) -> None:
    with pytest.raises(MalformedRelease, match=r"cannot read release\.yaml of the catalogue release in 9\.9\.9"):
        load("9.9.9")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("types.yaml", "DT-000-InterfaceID: {type: texts}", "type 'texts' is none of text, number, integer, boolean"),
        ("types.yaml", "- a list", "types.yaml: a mapping is expected"),
        ("blocks.yaml", "S1: {environmentTag: DI-000-Nothing}", "which nothing defines"),
        ("release.yaml", "release: [", "cannot read release.yaml"),
    ],
)
def test_a_release_that_cannot_be_read_is_told_with_its_file(
    tmp_path: Path, file: str, text: str, message: str
) -> None:
    directory = tmp_path / "release"
    shutil.copytree(RELEASES / "2.1.0", directory)
    (directory / file).write_text(text, encoding="utf-8")

    with pytest.raises(MalformedRelease, match=message):
        load_from(directory)


names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}", fullmatch=True).filter(
    lambda name: name not in ("type", "list", "one_of")
)
references = st.builds(Reference, names)
texts = st.builds(
    Text,
    min_length=st.integers(0, 3),
    max_length=st.none() | st.integers(3, 9),
    pattern=st.none() | st.just(r"^\d{3}$"),
    values=st.lists(st.text(max_size=4), max_size=3).map(tuple),
    is_nullable=st.booleans(),
)
numbers = st.builds(
    Number, st.booleans(), st.none() | st.integers(), st.none() | st.integers(), st.sampled_from([None, 0.001, 15])
)


def extend(parts: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    properties = st.lists(st.builds(Property, names, parts, st.booleans()), max_size=3, unique_by=lambda p: p.name)
    return st.builds(Record, properties.map(tuple), st.booleans()) | st.builds(
        Sequence, parts, st.integers(0, 3), st.none() | st.integers(3, 9)
    )


shapes = st.recursive(
    references | texts | numbers | st.builds(Flag, st.booleans()) | st.builds(Choice, st.lists(references).map(tuple)),
    extend,
    max_leaves=8,
)


@settings(deadline=None)
@given(shape=shapes)
def test_a_shape_is_read_as_it_was_written(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("shape") / "types.yaml"
    path.write_text(write_yaml({"a name": describe_shape(shape)}, "Written to be read."), encoding="utf-8")

    assert read_shape(read_yaml(path)["a name"]) == shape


def test_a_property_cannot_be_called_like_a_word_of_the_notation() -> None:
    with pytest.raises(MalformedRelease, match="cannot be called list"):
        describe_shape(Record((Property("list", Flag(), True),)))
