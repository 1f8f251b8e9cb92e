# SPDX-License-Identifier: MIT
"""A script that is ended by a signal leaves nothing behind.

From begin() on, SIGINT, SIGTERM and SIGHUP raise Stopped, once, and only within
"with allowed():", where the script waits. So nothing is lost between the making
of a folder or a process and the line that remembers it, nor within a finally.
"""
import contextlib
import os
import signal
import subprocess

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    def __init__(self, number):
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.status = 128 + number


class State:
    is_allowed = False
    pending = None


def handle(number, _frame):
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    if State.is_allowed:
        raise Stopped(number)
    State.pending = number


def begin():
    for number in SIGNALS:
        signal.signal(number, handle)


@contextlib.contextmanager
def allowed():
    """Where Stopped may be raised; at once if a signal came before."""
    State.is_allowed = True
    try:
        if State.pending:
            raise Stopped(State.pending)
        yield
    finally:
        State.is_allowed = False


def run(command, is_patient=False, **options):
    """As subprocess.run. Stopped kills the command with all that it started; a
    patient one is interrupted, as by Ctrl-C, and ends when it may."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True,
                               start_new_session=True, **options)
    try:
        with allowed():
            out, err = process.communicate()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT if is_patient
                      else signal.SIGKILL)
        process.wait()
    return subprocess.CompletedProcess(command, process.returncode, out, err)
