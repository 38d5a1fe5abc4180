import pytest

from opendip.api.sockets import PortTaken, listen


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with listen("127.0.0.1", 0, is_shared=False) as first:
        first.listen()
        with pytest.raises(PortTaken, match="api_port"):
            listen("127.0.0.1", first.getsockname()[1], is_shared=False)


def test_another_dip_cannot_share_a_port_that_is_not_shared() -> None:
    with listen("127.0.0.1", 0, is_shared=False) as first:
        first.listen()
        with pytest.raises(PortTaken):
            listen("127.0.0.1", first.getsockname()[1], is_shared=True)


def test_processes_of_one_dip_share_their_port() -> None:
    with (
        listen("127.0.0.1", 0, is_shared=True) as first,
        listen("127.0.0.1", first.getsockname()[1], is_shared=True) as second,
    ):
        assert first.getsockname() == second.getsockname()
