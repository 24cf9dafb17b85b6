"""No test reaches another machine; channel tests ask for this one by the `loopback` fixture."""

import socket

import pytest
from pytest_socket import SocketBlockedError, SocketConnectBlockedError

# pytest-socket warns before it raises; that warning alone would hide what it raises.
pytestmark = pytest.mark.filterwarnings("ignore:A test tried to use socket")


def test_a_test_has_no_sockets():
    with pytest.raises(SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def test_a_channel_test_reaches_this_machine(loopback):
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        client.sendall(b"hello")
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(5) == b"hello"


def test_a_channel_test_reaches_no_other_machine(loopback):
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client,
        pytest.raises(SocketConnectBlockedError),
    ):
        client.connect(("192.0.2.1", 443))


def test_after_a_channel_test_the_sockets_are_gone_again():
    with pytest.raises(SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)
