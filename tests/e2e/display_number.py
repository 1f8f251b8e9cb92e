# SPDX-License-Identifier: MIT
"""Numbers of displays, whose ports no other test has.

The kernel gives ports from 32768 on to whoever asks for any. Those below are
left to these tests, of which two may run at once.
"""
import random
import socket

# Of one port for many machines that start one after the other.
KEPT = range(1, 4000)
SHORT = range(4000, 26000)


def free_display(numbers=SHORT):
    """A display number whose port nobody listens on."""
    while True:
        number = random.choice(numbers)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", 5900 + number))
            except OSError:
                continue
        return number
