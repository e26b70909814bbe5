"""A server whose answers never end."""

import contextlib
import itertools
import socket
import threading
import time
from contextlib import contextmanager


@contextmanager
def trickling(*pieces):
    """A server that sends the last of these for ever, a piece every hundredth of a second."""

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=send, args=(connection,), daemon=True).start()

    def send(connection):
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            for piece in itertools.chain(pieces, itertools.repeat(pieces[-1])):
                connection.sendall(piece)
                time.sleep(0.01)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        listening.shutdown(socket.SHUT_RDWR)
