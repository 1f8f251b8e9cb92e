# SPDX-License-Identifier: MIT
"""A VM of a test's own, which answers what the test wants, and terminals."""
import fcntl
import json
import os
import pty
import socket
import struct
import subprocess
import termios
import threading

from smudgetest import PATIENCE, TOOL, check_equal


class Monitor:
    """Gives each command, a QMP message, to @answer and returns what it gives.

    Instead of the answer None it closes the connection.
    """

    def __init__(self, lab, answer):
        self.path = lab.path("monitor")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.answer = answer
        threading.Thread(target=self.serve, daemon=True).start()
        lab.closers.append(self.listener.close)

    def serve(self):
        sock = self.listener.accept()[0]
        with sock:
            self.send(sock, {"QMP": {"version": {}, "capabilities": []}})
            # a command is short, and the next one waits for its answer
            while (data := sock.recv(4096)):
                answer = self.answer(json.loads(data))
                if answer is None:
                    return
                self.send(sock, {"return": answer})

    @staticmethod
    def send(sock, message):
        sock.sendall(json.dumps(message).encode() + b"\n")


def set_columns(fd, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def read_all(fd):
    data = b""
    while True:
        try:
            part = os.read(fd, 4096)
        except OSError:  # the other end is closed
            return data.decode()
        if not part:
            return data.decode()
        data += part


def open_terminal(columns):
    """Our end and the program's."""
    ours, theirs = pty.openpty()
    set_columns(ours, columns)
    return ours, theirs


def text_of(ours, theirs, *command, term="xterm"):
    """What the terminal receives of a command of smudge that succeeds."""
    process = subprocess.Popen(
        [TOOL, *map(str, command)], stdout=theirs, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL, env={**os.environ, "TERM": term})
    os.close(theirs)
    text = read_all(ours)
    os.close(ours)
    _, err = process.communicate(timeout=PATIENCE)
    check_equal((process.returncode, err), (0, b""), "status and stderr")
    return text
