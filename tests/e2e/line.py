# SPDX-License-Identifier: MIT
"""A line of a known bandwidth between two UNIX sockets."""
import socket
import threading
import time

PIECE = 32 << 10
CREDIT_S = 0.002  # what an idle line may carry at once, as time


class Line:
    """Listens at path, connects to target, and carries so many bytes per second.

    The way back is as fast as it can be.
    """

    def __init__(self, lab, path, target, bytes_ps):
        self.path, self.target, self.bytes_ps = path, target, bytes_ps
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.sockets = [self.listener]
        threading.Thread(target=self.serve, daemon=True).start()
        lab.closers.append(self.close)

    @property
    def uri(self):
        return f"unix:{self.path}"

    def close(self):
        for sock in self.sockets:
            sock.close()

    def serve(self):
        try:
            here = self.listener.accept()[0]
            there = socket.socket(socket.AF_UNIX)
            self.sockets += [here, there]
            there.connect(str(self.target))
        except OSError:
            return  # the case ended first
        threading.Thread(target=self.carry, args=(there, here, None),
                         daemon=True).start()
        self.carry(here, there, self.bytes_ps)

    @staticmethod
    def carry(source, sink, bytes_ps):
        buffer = memoryview(bytearray(PIECE))
        due = time.monotonic()
        try:
            while (n := source.recv_into(buffer)):
                now = time.monotonic()
                if bytes_ps:
                    due = max(due, now - CREDIT_S) + n / bytes_ps
                    time.sleep(max(due - now, 0))
                sink.sendall(buffer[:n])
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one of the ends is closed
