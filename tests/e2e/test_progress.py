#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The progress of smudge migrate: a VM of this test tells what it shows."""
import re
import subprocess

from monitor import Monitor, open_terminal, set_columns, text_of
from smudgetest import MIB, PATIENCE, TOOL, case, check, check_equal, main


def state(round_number, remaining_mib, seconds, status="active", dirty=1000,
          measured=True):
    """A query-migrate; 10 MiB per second of 100 MiB."""
    return {
        "status": status, "total-time": int(seconds * 1000), "downtime": 7,
        "ram": {"dirty-sync-count": round_number, "total": 100 * MIB,
                "remaining": int(remaining_mib * MIB),
                "transferred": int(10 * seconds * MIB),
                "dirty-pages-rate": dirty if measured else 0},
        "x-smudge": {"bandwidth-bytes-ps": 10 * MIB if measured else 0,
                     "round-ns": int(measured),
                     "expected-downtime-ns": 123_000_000}}


ROUNDS = [state(1, 90, 1, measured=False), state(1, 50, 5, measured=False),
          state(1, 0, 10, measured=False), state(2, 40, 10.1),
          state(2, 20, 12), state(3, 8, 14), state(3, 0, 15, "completed")]


class Migration(Monitor):
    """Answers each query-migrate with the next state, then with the last."""

    def __init__(self, lab, states, on_query=lambda number: None):
        self.states, self.on_query, self.queries = states, on_query, 0
        super().__init__(lab, self.next_answer)

    def next_answer(self, message):
        if message["execute"] != "query-migrate":
            return {}
        number = self.queries
        self.queries += 1
        self.on_query(number)
        return self.states[min(number, len(self.states) - 1)]


def migrate_on_terminal(lab, columns, on_query=lambda fd, number: None):
    """What a terminal of so many columns receives."""
    ours, theirs = open_terminal(columns)
    monitor = Migration(lab, ROUNDS, lambda number: on_query(ours, number))
    return text_of(ours, theirs, "migrate", "--qmp", monitor.path, "unix:x")


def drawn(text):
    """All that was drawn, each time from the first column."""
    check("\x1b" not in text.replace("\x1b[K", ""), f"codes in {text!r}")
    return [part for part in re.split("[\r\n]+", text.replace("\x1b[K", ""))
            if part.startswith("round")]


def kept(text):
    """What is on the screen at the end: the last of each line."""
    lines = text.replace("\x1b[K", "").replace("\r\n", "\n").split("\n")
    return [line.split("\r")[-1] for line in lines if "round" in line]


@case("in 40 columns", columns=40, has=("50 %", "0:05 of ~0:10"),
      lacks=("left", "MB/s"))
@case("in 80 columns", columns=80, has=("sent", "left"), lacks=("downtime",))
@case("in 100 columns", columns=100, has=("left", "MB/s"), lacks=("downtime",))
@case("in 200 columns", columns=200, has=("dirty   1000 pages/s",
                                          "downtime ~123 ms"), lacks=())
def fits(lab, columns, has, lacks):
    text = migrate_on_terminal(lab, columns)
    for line in drawn(text):
        check(len(line) < columns, f"{len(line)} columns: {line!r}")
    for part in has:
        check(part in text, f"no {part!r} in {text!r}")
    for part in lacks:
        check(part not in re.sub("completed.*", "", text),
              f"{part!r} in {text!r}")


@case
def a_line_stays_for_each_round(lab):
    lines = kept(migrate_on_terminal(lab, 80))
    check_equal([line.split(" | ")[:3] for line in lines if "|" in line],
                [["round  1", "100 %", "0:10 of ~0:10"],
                 ["round  2", " 80 %", "0:12 of ~0:15"],
                 ["round  3", "100 %", "0:15 of ~0:15"]], "lines")


@case
def follows_the_size_of_the_terminal(lab):
    def narrow(fd, number):
        if number == 3:
            set_columns(fd, 30)

    lines = drawn(migrate_on_terminal(lab, 100, narrow))
    widths = {1: [], 2: [], 3: []}
    for line in lines:
        widths[int(line.split()[1])].append(len(line))
    check(60 < max(widths[1]) < 100, f"before: {widths}")
    check(max(widths[2] + widths[3]) < 30, f"after: {widths}")


@case
def no_terminal(lab):
    monitor = Migration(lab, ROUNDS)
    done = subprocess.run(
        [TOOL, "migrate", "--qmp", monitor.path, "unix:x"], text=True,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    check_equal((done.returncode, done.stderr), (0, ""), f"{done}")
    check("\r" not in done.stdout and "\x1b" not in done.stdout, f"{done}")
    lines = done.stdout.splitlines()
    for start in ("round  1 | 100 %", "round  2 |  80 %", "round  3 | 100 %"):
        check_equal(sum(line.startswith(start) for line in lines), 1,
                    f"lines {start!r} in {lines}")
    for part in ("downtime ~123 ms", "left    20.0 MiB", "  10.5 MB/s"):
        check(part in done.stdout, f"no {part!r} in {lines}")


@case
def a_guest_that_writes_faster(lab):
    """No estimate, rather than a wrong one."""
    monitor = Migration(lab, [state(2, 40, 10, dirty=5000),
                            state(2, 0, 15, "completed")])
    done = subprocess.run(
        [TOOL, "migrate", "--qmp", monitor.path, "unix:x"], text=True,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    check(done.stdout.startswith("round  2 |  60 % | 0:10 | sent"), f"{done}")


@case("in the first second", seconds=0.05, done_mib=0.004, time="0:00")
@case("with pages of zeros", seconds=5, done_mib=50, time="0:05 of ~0:10")
@case("nothing sent", seconds=9, done_mib=0, time="0:09")
def the_estimate(lab, seconds, done_mib, time):
    """None before it means something; pages of zeros count."""
    first = state(1, 100 - done_mib, seconds, measured=False)
    first["ram"]["transferred"] = 4096
    monitor = Migration(lab, [first, state(2, 0, 15, "completed")])
    done = subprocess.run(
        [TOOL, "migrate", "--qmp", monitor.path, "unix:x"], text=True,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    check_equal(done.stdout.split(" | ")[2], time, f"time in {done}")


@case
def a_server_that_closes_the_connection(lab):
    """In words of the control socket, not of pipes."""
    monitor = Migration(lab, [None])
    done = subprocess.run(
        [TOOL, "qmp", "--qmp", monitor.path, "query-migrate"], text=True,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    check_equal((done.returncode, done.stderr),
                (1, "smudge: no reply to 'query-migrate': the server closed "
                    "the connection\n"), f"{done}")


main()
