from datetime import date
from pathlib import Path

import pytest

from opendip.domain.market import Tenure
from opendip.domain.problems import Problem
from opendip.operations.entries import EntryReader, FaultyFile
from opendip.operations.market_files import BEGINNING, MarketFile, read_market_file

ORGANISATION = """
organisations:
  - name: Example Metering Ltd
    participants:
      - {participant}
"""


def read(directory: Path, text: str, *, allow_private: bool = False) -> MarketFile:
    file = directory / "market.yaml"
    file.write_text(text)
    reader = EntryReader(file)
    wanted = read_market_file(reader, allow_private_webhooks=allow_private)
    reader.refuse_if_faulty()
    return wanted


def refuse(directory: Path, text: str) -> str:
    with pytest.raises(FaultyFile) as caught:
        read(directory, text)
    return str(caught.value)


def test_a_market_is_read_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "addresses.csv").touch()
    wanted = read(
        tmp_path,
        """
organisations:
  - name: Example Metering Ltd
    participants:
      - dip_id: 0200000015
        mpid: EXMT
        roles: [MSS, {role: MSA, from: 2025-01-01, to: "2026-01-01"}]
        webhooks: {messages: "https://hooks.example.org/in", max_message_count: 50, max_payload_kb: 2, rate: 5}
connection_providers:
  - {dip_id: "1046217565", organisation: Example Connections Ltd, for: "0200000015", roles: [MSS]}
addresses:
  - {mpan: 2000056535971, role: SUP, dip_id: "2300000012", from: "2024-01-01"}
address_files: [addresses.csv]
""",
    )

    (participant,) = wanted.participants
    assert participant.dip_id == "0200000015"
    assert participant.roles == {
        "MSS": Tenure(BEGINNING),
        "MSA": Tenure(date(2025, 1, 1), date(2026, 1, 1)),
    }
    assert participant.webhooks is not None
    assert (participant.webhooks.max_message_count, participant.webhooks.max_payload_bytes) == (50, 2000)
    assert participant.webhooks.max_message_rate == 5
    assert wanted.providers[0].for_dip_id == "0200000015"
    assert wanted.addresses[0].row.mpan == 2000056535971
    assert wanted.address_files == (tmp_path / "addresses.csv",)


def test_an_empty_section_and_a_null_stand_for_nothing(tmp_path: Path) -> None:
    text = ORGANISATION.format(participant="{dip_id: 1200000015, mpid: null, roles: [MSS]}") + "addresses:\n"

    wanted = read(tmp_path, text)

    assert wanted.participants[0].mpid is None
    assert wanted.addresses == ()


@pytest.mark.parametrize(
    ("participant", "words"),
    [
        ("{dip_id: 120000001, roles: [MSS]}", "dip_id: a DIP id of ten digits is expected"),
        ("{dip_id: ١٢٠٠٠٠٠٠١٥, roles: [MSS]}", "a DIP id of ten digits"),
        ("{dip_id: 1200000015, roles: [MSX]}", "there is no role MSX. Did you mean MSS?"),
        ("{dip_id: 1200000015, roles: []}", "at least one role"),
        ("{dip_id: 1200000015, roles: MSS}", "a list is expected"),
        ("{dip_id: 1200000015, roles: [MSS, MSS]}", "MSS is there twice"),
        ("{dip_id: 1200000015, roles: [{role: MSS, to: 1999-01-01}]}", "a day after the first"),
        ("{dip_id: 1200000015, roles: [{role: MSS, from: 2026-02-30}]}", "a date is expected"),
        ("{dip_id: 1200000015, role: [MSS]}", "no key role here. Did you mean roles?"),
        ("{dip_id: 1200000015}", "roles is missing"),
        ("{dip_id: 1200000015, dip_id: 1200000016, roles: [MSS]}", "the key is there twice"),
        ("{dip_id: 1200000015, mpid: exmt, roles: [MSS]}", "four capitals"),
        ("1200000015", "dip_id, roles: … is expected"),
        ("{dip_id: 1200000015, roles: [MSS], webhooks: {messages: 'http://a.example.org'}}", "https://"),
        ("{dip_id: 1200000015, roles: [MSS], webhooks: {status: 'https://127.0.0.1/'}}", "allow_private"),
        ("{dip_id: 1200000015, roles: [MSS], webhooks: {max_message_count: 0}}", "a whole number from 1"),
        ("{dip_id: 1200000015, roles: [MSS], webhooks: {rate: 1000001}}", "a whole number from 1"),
    ],
)
def test_a_fault_is_told_with_its_line_and_what_is_expected(tmp_path: Path, participant: str, words: str) -> None:
    said = refuse(tmp_path, ORGANISATION.format(participant=participant))

    assert words in said
    assert "line 5" in said


def test_all_faults_are_told_at_once_and_in_their_order(tmp_path: Path) -> None:
    said = refuse(
        tmp_path,
        """
organisations:
  - name: Example Metering Ltd
    participants:
      - {dip_id: 1, roles: [MSS]}
      - {dip_id: 1200000015, roles: [XXXX]}
connection_provider: []
address_files: [nowhere.csv]
""",
    )

    lines = [line.split(",")[0].strip() for line in said.splitlines()[1:]]
    assert lines == ["line 5", "line 6", "line 7: there is no key connection_provider here. Did you mean "
                     "connection_providers?", "line 8"]  # fmt: skip


def test_a_fault_in_an_address_does_not_quote_its_mpan(tmp_path: Path) -> None:
    address = "{mpan: 20000565359712, role: SUP, dip_id: 2300000012, from: 2024-01-01}"

    said = refuse(tmp_path, f"addresses:\n  - {address}\n")

    assert "an MPAN of 13 digits is expected" in said
    assert "20000565359712" not in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("organisations: [", "line 1: not YAML"),
        ("", "the file is empty"),
        ("- a list", "organisations, connection_providers"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
        ("organisations:\n" + "[" * 900, "line 2: nested too deeply"),
        ("organisations:\n" + "- " * 900, "line 2: nested too deeply"),
        ("? [a, b]\n: 1\n", "line 1: a key is a single word here"),
        ("organisations:\n- ? {a: b}\n  : 1\n", "line 2, organisations[1]: a key is a single word here"),
    ],
)
def test_what_is_no_market_at_all_is_told(tmp_path: Path, text: str, words: str) -> None:
    assert words in refuse(tmp_path, text)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    reader = EntryReader(tmp_path / "nowhere.yaml")

    with pytest.raises(Problem, match="cannot be read"):
        read_market_file(reader, allow_private_webhooks=False)


@pytest.mark.parametrize("character", [r"\e", r"\x07", r"\x9b", r"\u202e", r"\u2066", r"\n"])
def test_what_commands_a_terminal_is_no_name_and_is_not_repeated(tmp_path: Path, character: str) -> None:
    named = (
        f'organisations:\n- name: "Example{character}[2J Ltd"\n  participants: [{{dip_id: 1200000015, roles: [MSS]}}]\n'
    )
    key = f'organisations:\n- name: Example Ltd\n  "particip{character}nts": []\n'

    assert "a name has visible characters alone" in refuse(tmp_path, named)
    said = refuse(tmp_path, key)
    assert "there is no key particip?nts here" in said
