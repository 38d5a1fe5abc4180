"""Listening on one port with several processes: the kernel hands each new connection to one of them."""

import socket

from opendip.domain.problems import Problem


class PortTaken(Problem):
    """The API's address is not to be had."""


def listen(host: str, port: int, *, is_shared: bool) -> socket.socket:
    """A listening socket; a shared one is shared with other processes that say the same. Raises `PortTaken`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise PortTaken(
            f"The API cannot listen on port {port} of {host}: {error.strerror}. If another program uses the port, "
            "stop it, or choose another with api_port (DIP_API_PORT)."
        ) from error
    return listening
