"""The counts of the comparison with Elexon's schemas, shown when the tests end so that they can be quoted."""

import pytest

REPORT = pytest.StashKey[dict[str, object]]()


@pytest.fixture
def equivalence_report(request: pytest.FixtureRequest) -> dict[str, object]:
    return request.config.stash.setdefault(REPORT, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    report = config.stash.get(REPORT, {})
    if report:
        terminalreporter.write_sep("-", "catalogue and Elexon's schemas")
        for name, value in report.items():
            terminalreporter.write_line(f"{name}: {value}")
