# SPDX-License-Identifier: MIT
"""A man in the middle of QMP: it can end the client at any of its commands."""
import array
import os
import signal
import socket
import threading

from smudgetest import PATIENCE


class Proxy:
    """Serves one client at @path, and speaks for it at @server.

    @number, @is_before: kill the client at that command of its own, counted from
    0, before QEMU has received it or after. serves() says who that is, and may be
    later than that command.
    """

    def __init__(self, path, server, number=None, is_before=False):
        self.number, self.is_before = number, is_before
        self.commands = []
        self.client_pid = None
        self.is_known = threading.Event()
        self.is_killed = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.server = server
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        client, _ = self.listener.accept()
        self.listener.close()
        upstream = socket.socket(socket.AF_UNIX)
        upstream.connect(str(self.server))
        back = threading.Thread(target=self.reply, args=(upstream, client),
                                daemon=True)
        back.start()
        while True:
            try:
                data, control, _, _ = client.recvmsg(65536, socket.CMSG_SPACE(64))
            except ConnectionResetError:
                break
            if not data:
                break
            self.command(data, control, upstream)
        # the last reply is for those who are still there
        upstream.shutdown(socket.SHUT_WR)
        back.join(PATIENCE)
        upstream.close()
        client.close()

    def command(self, data, control, upstream):
        fds = array.array("i")
        for _, _, content in control:
            fds.frombytes(content[:len(content) - len(content) % fds.itemsize])
        is_last = not self.is_killed.is_set() and self.number == len(self.commands)
        self.commands.append(data)
        if is_last:
            self.is_known.wait(PATIENCE)
        if is_last and self.is_before:
            self.kill()
        else:
            upstream.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
                             if fds else [])
            if is_last:
                self.kill()
        for fd in fds:
            os.close(fd)

    def serves(self, pid):
        """The process of the client."""
        self.client_pid = pid
        self.is_known.set()

    def kill(self):
        os.kill(self.client_pid, signal.SIGKILL)
        self.is_killed.set()

    @staticmethod
    def reply(upstream, client):
        try:
            while data := upstream.recv(65536):
                client.sendall(data)
        except OSError:
            pass
