#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge rate: what it says of a process that counts its own writes.

Nothing is timed. The target writes pages when it is told to, and rests. All
pages of a burst are in the intervals that end after it began, up to one whose
harvest is after its end, so their sum is known to the page.
"""
import fcntl
import json
import os
import pathlib
import pty
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import xml.etree.ElementTree

from ratetest import MAP, NPAGES, Measured, Target, lines_of, need_method, \
    over_if_late, pages_of, rate, start
from smudgetest import PATIENCE, TOOL, Skip, case, check, check_equal, \
    check_sentence, main, wait_until

# every page is in the sample, so that it is exact
EXACT = {"uffd": [], "soft-dirty": [], "sample": ["--samples", 1 << 20]}


@case("uffd counts every page once", method="uffd")
@case("soft-dirty counts every page once", method="soft-dirty")
@case("a sample of all pages counts every page once", method="sample")
def bursts_are_counted(lab, method):
    """A page is written once in each, so windows of all lengths see it once.

    A harvest may come between a store's page fault and the store. Then the
    store faults again, and the page is of the next harvest too.
    """
    twice_per_harvest = 0 if method == "sample" else 1

    def check_pages(found, npages, harvests, what):
        most = npages + harvests * twice_per_harvest
        check(npages <= found <= most, f"{what}: {found}, of {npages}")

    target = Target(lab, npages=8192, batch=200, pause_us=2000)
    need_method(target.pid, method)
    target.rest()
    measured = Measured(lab, target, *MAP, "--method", method, "--interval",
                        "0.5", *EXACT[method])
    measured.lines(1)
    before = measured.after()
    check_equal(before[-1]["sum"]["pages"], 0, "pages while it rests")
    for npages in [1, 700, 8192, 3]:
        target.burst(npages)
        found = measured.after()
        check_pages(pages_of(found), npages, len(found), f"pages of {found}")
        # those of 0.1 s and 0.5 s end where the intervals end
        for index in 0, 1:
            windows = [line["sum"]["windows"][index] for line in found]
            total = sum(round(w["mean-pages"] * w["count"]) for w in windows)
            check_pages(total, npages, sum(w["count"] for w in windows),
                        f"windows {index}")
    summary = measured.summary()
    check_pages(summary["sum"]["pages"], 1 + 700 + 8192 + 3,
                summary["sum"]["intervals"], "of the summary")
    target.is_right()


@case("the working set of uffd", method="uffd")
@case("the working set of soft-dirty", method="soft-dirty")
@case("the working set of a sample of all pages", method="sample")
def working_set(lab, method):
    """700 pages, over and over: all of them in 5 s, never more."""
    target = Target(lab, npages=700, batch=700, pause_us=1000)
    need_method(target.pid, method)
    before = target.count()
    first, summary = lines_of(target.pid, *MAP, "--method", method, "--count", 1,
                              "--interval", "5", *EXACT[method])
    check(target.count() - before > 1400, "it was not written twice")
    for window in first["sum"]["windows"]:
        check(0 < window["max-pages"] <= 700, f"{window}")
    check_equal(first["sum"]["pages"], 700, "pages of the interval")
    check_equal(first["sum"]["windows"][3]["last-pages"], 700, "pages of 5 s")
    check_equal(summary["sum"]["pages"], 700, "pages of the summary")
    target.is_right()


@case
def a_sample_has_the_truth_within_its_error(lab):
    """Of 12 bursts some may be missed, but not half of them."""
    target = Target(lab, npages=20000, batch=2000, pause_us=100)
    target.rest()
    measured = Measured(lab, target, *MAP, "--method", "sample", "--interval",
                        "0.3", "--samples", 1000)
    measured.lines(1)
    measured.after()
    inside = 0
    for _ in range(12):
        target.burst(4000)
        sums = [line["sum"] for line in measured.after()]
        check(all(s["low-pages"] <= s["pages"] <= s["high-pages"]
                  for s in sums), f"{sums}")
        inside += sum(s["low-pages"] for s in sums) <= 4000 <= \
            sum(s["high-pages"] for s in sums)
    check(inside > 6, f"only {inside} of 12 have the truth")
    target.is_right()


@case
def says_the_method_and_its_error(lab):
    target = Target(lab)
    done = rate(target.pid, "--count", 1, "--interval", "0.1", "--method",
                "sample")
    check_equal((done.returncode, done.stderr), (0, ""), f"{done}")
    check("method sample, " in done.stdout and "95 %" in done.stdout and
          "+- " in done.stdout, done.stdout)
    done = rate(target.pid, "--count", 1, "--interval", "0.1")
    check_equal((done.returncode, done.stderr), (0, ""), f"{done}")
    check(re.search(r"method (uffd|soft-dirty|sample), ", done.stdout),
          done.stdout)


@case
def names_mappings(lab):
    target = Target(lab)
    done = rate(target.pid, "--count", 1, "--json")
    line = json.loads(done.stdout.splitlines()[0])
    hottest = line["processes"][0]["mappings"][0]
    check("rate-target" in hottest["name"], f"{hottest}")
    check_equal(hottest["bytes"], NPAGES * 4096, "size")
    check(hottest["share"] > 0.5, f"{hottest}")
    maps = pathlib.Path(f"/proc/{target.pid}/maps").read_text()
    check(re.search(rf"^0*{hottest['address'][2:]}-.*rate-target", maps, re.M),
          f"{hottest} in {maps}")


@case
def names_are_whole(lab):
    """Not as the library cuts them for its regions."""
    target = Target(lab, suffix=" of a p\u00e4th " + 60 * "x" + ".so.1")
    for arguments in [], ["--method", "sample", "--samples", "100000"]:
        done = rate(target.pid, "--count", 1, "--json", "--map", "*counter*",
                    *arguments)
        check_equal((done.returncode, done.stderr), (0, ""), f"{done}")
        process = json.loads(done.stdout.splitlines()[0])["processes"][0]
        check_equal(len(process["mappings"]), 1, f"{process}")
        name = process["mappings"][0]["name"]
        path = str(target.path)
        begin, _, end = name.partition("...")
        check(path.startswith(begin) and path.endswith(end) and "..." in name,
              f"{name} of {path}")
        check_equal(len(name.encode()), 95, f"{name}")


@case
def selects_by_what_it_shows(lab):
    """A name that the output has is a pattern, though it has brackets."""
    target = Target(lab)
    for shown in "[stack]", "[anon]":
        done = rate(target.pid, "--count", 1, "--interval", "0.1", "--json",
                    "--map", shown)
        check_equal((done.returncode, done.stderr), (0, ""), shown)
        process = json.loads(done.stdout.splitlines()[0])["processes"][0]
        names = {m["name"] for m in process["mappings"]}
        check(names <= {shown}, f"{shown}: {names}")
        check(0 < process["tracked-pages"] < NPAGES, f"{process}")


def svg(target, lab, *arguments):
    path = lab.path("heat.svg")
    done = rate(target.pid, "--svg", path, *arguments)
    check_equal((done.returncode, done.stderr), (0, ""), f"{done}")
    return xml.etree.ElementTree.parse(path).getroot()


@case
def heat_map(lab):
    target = Target(lab)
    root = svg(target, lab, "--count", 5, "--interval", "0.2")
    name = "{http://www.w3.org/2000/svg}"
    texts = ["".join(t.itertext()) for t in root.iter(name + "text")]
    check(any("rate_target" in t and target.pid in t for t in texts), f"{texts}")
    check(any("rate-target 256 MiB" in t for t in texts), f"{texts}")
    check("1 s" in " ".join(texts), f"{texts}")
    width, height = float(root.get("width")), float(root.get("height"))
    classes = set()
    for rect in root.iter(name + "rect"):
        if rect.get("class"):
            classes.add(rect.get("class"))
            check(0 <= float(rect.get("x")) and float(rect.get("x")) +
                  float(rect.get("width")) <= width, "a cell is outside")
            check(float(rect.get("y")) + float(rect.get("height")) <= height,
                  "a cell is outside")
    check_equal(classes, {f"c{i}" for i in range(6)}, "classes of the legend")
    check_equal(oct(lab.path("heat.svg").stat().st_mode & 0o777), "0o600", "mode")


@case
def heat_map_on_a_full_disk(lab):
    """The old file stays; the summary was printed."""
    target = Target(lab)
    done = rate(target.pid, "--svg", "/dev/full", "--count", 1, "--interval",
                "0.1")
    check_equal(done.returncode, 1, f"{done}")
    check_sentence(done.stderr.strip(), "heat map", "No space left")
    check("cold: " in done.stdout, done.stdout)
    done = rate(target.pid, "--svg", lab.path("no/where.svg"), "--count", 1)
    check_equal((done.returncode, done.stdout), (1, ""), f"{done}")
    check_sentence(done.stderr.strip(), "where.svg", "No such file")


@case
def children(lab):
    target = Target(lab, npages=4096, children=3)
    done = rate(target.pid, "--children", "--count", 3, "--interval", "0.3",
                "--json", *MAP)
    check_equal((done.returncode, done.stderr), (0, ""), f"{done}")
    summary = json.loads(done.stdout.splitlines()[-1])
    check_equal(len(summary["processes"]), 4, "processes")
    check_equal({p["name"] for p in summary["processes"]}, {"rate_target"},
                "names")
    pids = {str(p["pid"]) for p in summary["processes"]}
    check(target.pid in pids, f"{pids}")
    pages = [p["measured"]["pages"] for p in summary["processes"]]
    check(all(pages), f"{pages}")
    check(abs(sum(pages) - summary["sum"]["pages"]) < 1e-6 * sum(pages) + 1,
          f"{pages}, {summary['sum']}")
    target.is_right()


PARENT = """
import mmap, os, subprocess, sys
memfd = os.memfd_create("rate-target")
os.ftruncate(memfd, 1 << 20)
memory = mmap.mmap(memfd, 1 << 20)
children = [subprocess.Popen(["sleep", "600"]) for _ in range(100)]
print("ready", flush=True)
print(*[child.pid for child in children], flush=True)
sys.stdin.read()
for child in children:
    child.kill()
    child.wait()
"""


def sleeps(pid):
    """Before it does, it waits for disks only."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return text.rsplit(")", 1)[1].split()[0] == "S" and "(sleep)" in text


def waits(pids):
    return [re.search(r"^voluntary_ctxt_switches:\s+(\d+)",
                      pathlib.Path(f"/proc/{pid}/status").read_text(),
                      re.M)[1] for pid in pids]


@case
def children_without_such_memory(lab):
    """A process that ends is waited for, for 0.2 s; one without the memory is
    not, and does not stop: it waits all the time."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    lab.closers.append(parent.communicate)
    check_equal(parent.stdout.readline(), "ready\n", "the parent")
    children = parent.stdout.readline().split()
    wait_until(lambda: all(map(sleeps, children)) and
               waits(children) == waits(children), "the children sleep")
    before = waits(children)
    began = time.monotonic()
    done = rate(parent.pid, "--children", "--count", 1, "--interval", "0.1",
                *MAP)
    took_s = time.monotonic() - began
    check_equal((done.returncode, done.stderr), (0, ""), f"{done}")
    check_equal(waits(children), before, "how often they began to wait")
    check(took_s < 0.2 * 100, f"{took_s:.1f} s")


@case
def target_ends(lab):
    """After an interval: the summary, and 0; before one: a sentence, and 1."""
    target = Target(lab)
    process = start(target.pid, "--interval", "0.2")
    for _ in range(3):
        process.stdout.readline()
    target.is_right()
    out, err = process.communicate(timeout=PATIENCE)
    check_equal((process.returncode, err), (0, ""), "status and stderr")
    check("ended" in out and "cold: " in out, out)

    target = Target(lab)
    process = start(target.pid, "--interval", "500")
    time.sleep(0.2)  # it has begun, or not: the sentence is another one
    target.is_right()
    out, err = process.communicate(timeout=PATIENCE)
    check_equal((process.returncode, out), (1, ""), "status and stdout")
    check_sentence(err.strip(), target.pid, "ended|no process")


@case
def target_executes_itself(lab):
    target = Target(lab)
    process = start(target.pid, "--interval", "0.2", "--json")
    process.stdout.readline()
    target.process.send_signal(signal.SIGUSR1)
    before = target.count()
    wait_until(lambda: target.count() > before + 500, "it writes on")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    over_if_late(process)
    check_equal((process.returncode, err), (0, ""), "status and stderr")
    target.is_right()


@case
def signals_at_any_moment(lab):
    """50 times, SIGKILL among them: the target computes on, unhurt."""
    target = Target(lab)
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    for number in range(50):
        process = start(target.pid, "--interval", "0.1",
                        *rng.choice([["--children"], ["--json"], MAP]))
        time.sleep(rng.random() * 0.4)
        sent = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP,
                           signal.SIGKILL])
        process.send_signal(sent)
        out, err = process.communicate(timeout=PATIENCE)
        text = (f"seed {seed}, number {number}: {process.returncode} "
                f"{out!r} {err!r}")
        # SIGALRM ends a command that a busy machine did not let end in time
        if sent == signal.SIGKILL or process.returncode == -signal.SIGALRM:
            continue
        # before the handler is installed a signal ends it
        if process.returncode == -sent:
            check_equal(out, "", text)
            continue
        check(process.returncode in (0, 1), text)
        if process.returncode == 1:
            check_sentence(err.strip(), "interrupted before")
    target.goes_on()
    target.is_right()


@case
def under_nohup(lab):
    """A hangup that is ignored when it begins does not end it later."""
    target = Target(lab)
    process = subprocess.Popen(
        ["nohup", TOOL, "rate", target.pid, "--interval", "0.1", "--json"],
        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    for _ in range(3):
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
    # an alarm would have ended it a second after the first one
    for _ in range(30):
        check(process.stdout.readline(), "an interval")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    over_if_late(process)
    check_equal(process.returncode, 0, "status")
    target.goes_on()
    target.is_right()


@case
def output_is_closed(lab):
    target = Target(lab)
    process = start(target.pid, "--interval", "0.1")
    process.stdout.readline()
    process.stdout.close()
    check_equal(process.wait(PATIENCE), 1, "status")
    check_sentence(process.stderr.read().strip(), "standard output",
                   "broken pipe")
    process.stderr.close()
    target.goes_on()
    target.is_right()


RINGS = """
import ctypes, mmap, sys, time
room = (ctypes.c_char * 4096)()
context = ctypes.c_ulong(0)
ring = ctypes.CDLL(None).syscall(425, 8, room)
aio = ctypes.CDLL(None).syscall(206, 8, ctypes.byref(context))
print(ring >= 0, aio == 0, flush=True)
while True:
    time.sleep(0.01)
"""


@case
def names_what_writes_unseen(lab):
    """This test maps the target's counter too; a ring of its own is another."""
    target = Target(lab)
    need_method(target.pid, "uffd")
    arguments = ["--count", 1, "--interval", "0.2", "--method", "uffd"]
    out = rate(target.pid, *arguments, *MAP).stdout
    check("unseen" not in out, out)
    out = rate(target.pid, *arguments).stdout
    check(re.search(rf"^warning: may write unseen:.* \({os.getpid()}\) to 4.0 KiB",
                    out, re.M), out)
    check(re.search(rf"^unseen  .* \({os.getpid()}\) to", out, re.M), out)
    unseen = lines_of(target.pid, *arguments)[0]["processes"][0]["unseen"]
    mine = [w for w in unseen["writers"] if w["pid"] == os.getpid()]
    check_equal([(w["kind"], w["count"], w["bytes"]) for w in mine],
                [("process", 1, 4096)], f"{unseen}")
    check_equal((unseen["more"], unseen["failure"]), (0, ""), f"{unseen}")
    unseen = lines_of(target.pid, *arguments[:-1], "sample")[0]
    check_equal(unseen["processes"][0]["unseen"]["writers"], [], f"{unseen}")

    rings = subprocess.Popen([sys.executable, "-c", RINGS],
                             stdout=subprocess.PIPE, text=True)
    lab.closers.append(lambda: (rings.kill(), rings.communicate()))
    there = [text == "True" for text in rings.stdout.readline().split()]
    unseen = lines_of(rings.pid, *arguments)[0]["processes"][0]["unseen"]
    kinds = {w["kind"] for w in unseen["writers"]}
    check_equal([k in kinds for k in ("io_uring", "aio")], there, f"{unseen}")
    target.is_right()


def process_is(pid, name):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text() == name + "\n"
    except OSError:
        return False


@case
def refusals(lab):
    dead = subprocess.Popen(["true"])
    dead.wait()
    # in a namespace of processes it is any other one, or none
    is_kernels = process_is("2", "kthreadd")
    for arguments, parts in [
            ([dead.pid], ["there is no process", str(dead.pid)]),
            *([(["2"], ["kernel thread"])] if is_kernels else []),
            ([os.getpid(), "--map", "/no/such*"], ["no mapping"]),
            (["--qmp", lab.path("none")], ["cannot connect"])]:
        done = rate(*arguments, "--count", 1)
        check_equal((done.returncode, done.stdout), (1, ""), f"{arguments}")
        check_sentence(done.stderr.strip(), *parts)
    for arguments in [[], ["x"], ["0"], ["1", "2"], ["1", "--interval", "0"],
                      ["1", "--interval", "0.15"], ["1", "--interval", "-1"],
                      ["1", "--method", "guess"], ["1", "--count", "0"],
                      ["1", "--samples", "0"], ["1", "--duration", "0.5"],
                      ["1", "--map", "a", "--guest"]]:
        done = rate(*arguments)
        check_equal((done.returncode, done.stdout), (2, ""), f"{arguments}")
        check_sentence(done.stderr.strip(), "see smudge rate --help")


@case
def another_users_process(lab):
    if os.getuid() != 0:
        raise Skip("only root can become another user")
    target = Target(lab)
    for method in ["auto", "sample"]:
        done = rate(target.pid, "--method", method, "--count", 1, user=65534,
                    group=65534, extra_groups=[])
        check_equal((done.returncode, done.stdout), (1, ""), f"{done}")
        check_sentence(done.stderr.strip(), target.pid,
                       "CAP_SYS_PTRACE|may not")
    target.goes_on()


@case
def a_process_with_more_capabilities(lab):
    """Root's, for root without any: the same user is not enough."""
    if os.getuid() != 0:
        raise Skip("only root has capabilities to drop")
    before = ["setpriv", "--bounding-set=-all"]
    if not shutil.which("setpriv") or subprocess.run(
            [*before, "true"], capture_output=True, check=False).returncode:
        raise Skip("no capability can be dropped here")
    target = Target(lab)
    done = subprocess.run(
        [*before, TOOL, "rate", str(target.pid), "--method", "sample",
         "--count", "1"], text=True, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=PATIENCE, check=False)
    check_equal((done.returncode, done.stdout), (1, ""), f"{done}")
    check_sentence(done.stderr.strip(), target.pid, "all of its capabilities")
    target.goes_on()


def set_size(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ,
                struct.pack("HHHH", rows, columns, 0, 0))


def on_terminal(target, *arguments, term="xterm", columns=80, look=None,
                **environment):
    """What a terminal receives; look(process, terminal, data) as it comes."""
    ours, theirs = pty.openpty()
    set_size(ours, 24, columns)
    process = subprocess.Popen(
        [TOOL, "rate", target.pid, "--interval", "0.2",
         *(arguments or ["--count", "4"])],
        stdout=theirs, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "TERM": term, **environment})
    os.close(theirs)
    data = b""
    try:
        while (part := os.read(ours, 4096)):
            data += part
            if look:
                look(process, ours, data)
    except OSError:
        pass  # the other end is closed
    os.close(ours)
    _, err = process.communicate(timeout=PATIENCE)
    over_if_late(process)
    check_equal((process.returncode, err), (0, b""), "status and stderr")
    return data.decode()


def frames(text):
    """Each drawing of the other screen, as lines without codes."""
    inside = text.split("\x1b[?1049h")[1].split("\x1b[?1049l")[0]
    drawn = [re.sub(r"\x1b\[[0-9;]*[a-zA-Z]", "", frame)
             for frame in inside.split("\x1b[H")[1:]]
    return [frame.replace("\r", "").rstrip("\n").split("\n") for frame in drawn]


@case
def terminal(lab):
    target = Target(lab)
    text = on_terminal(target)
    check("\x1b[1m" in text, "no style")
    drawn = frames(text)
    check(len(drawn) >= 4, f"{len(drawn)} frames")
    for frame in drawn:
        check(len(frame) < 24 and max(map(len, frame)) < 80, f"{frame}")
    after = text.split("\x1b[?1049l")[1]
    check("pages/s" in after and "cold: " in after, f"no summary: {after!r}")


@case
def terminal_changes_its_size(lab):
    """While it runs, which is until a frame of the new size is whole."""
    target = Target(lab)
    sent = []

    def fits(frame):
        return max(map(len, frame)) < 40 and len(frame) < 10

    def look(process, ours, data):
        drawn = frames(data.decode(errors="replace")) if b"pages/s" in data \
            else []
        if not sent and drawn:
            set_size(ours, 10, 40)
            sent.append(signal.SIGWINCH)
        elif sent == [signal.SIGWINCH] and len(drawn) > 1 and fits(drawn[-2]):
            sent.append(signal.SIGINT)
        else:
            return
        process.send_signal(sent[-1])
    drawn = frames(on_terminal(target, "--count", "1000", columns=100,
                               look=look))
    check(fits(drawn[-1]), f"{drawn[-1]}")


@case
def terminals_that_can_less(lab):
    target = Target(lab)
    text = on_terminal(target, NO_COLOR="1")
    check("\x1b[1m" not in text and "\x1b[?1049h" in text, f"{text!r}")
    text = on_terminal(target, term="dumb")
    check("\x1b" not in text and "method" in text, f"{text!r}")


if __name__ == "__main__":
    main()
