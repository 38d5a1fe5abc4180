"""The shipped release, read and compiled once; and the counts of the comparison with Elexon's schemas, to be quoted."""

from collections.abc import Mapping

import pytest

from opendip.catalogue import Catalogue, MessageDecoder, compile_catalogue, load

REPORT = pytest.StashKey[dict[str, object]]()


@pytest.fixture(scope="package")
def catalogue() -> Catalogue:
    return load()


@pytest.fixture(scope="package")
def decoders(catalogue: Catalogue) -> Mapping[str, MessageDecoder]:
    return compile_catalogue(catalogue)


@pytest.fixture
def equivalence_report(request: pytest.FixtureRequest) -> dict[str, object]:
    return request.config.stash.setdefault(REPORT, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    report = config.stash.get(REPORT, {})
    if report:
        terminalreporter.write_sep("-", "catalogue and Elexon's schemas")
        for name, value in report.items():
            terminalreporter.write_line(f"{name}: {value}")
