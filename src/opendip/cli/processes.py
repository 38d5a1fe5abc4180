"""`dip serve`, and its parts alone."""

from opendip.cli.options import DEFAULT_HOME, HomeOption


def serve(home: HomeOption = DEFAULT_HOME) -> None:
    """Run the whole DIP on this machine, until SIGTERM or Ctrl-C."""
    from opendip.processes import serve

    serve(home)


def api(home: HomeOption = DEFAULT_HOME) -> None:
    """Run the participant API alone."""
    from opendip.processes import run_api

    run_api(home)


def worker(home: HomeOption = DEFAULT_HOME) -> None:
    """Run a worker alone: it routes and delivers."""
    from opendip.processes import run_worker

    run_worker(home)


def clock(home: HomeOption = DEFAULT_HOME) -> None:
    """Run the clock alone: partitions and revocation lists; of several one is active."""
    from opendip.processes import run_clock

    run_clock(home)
