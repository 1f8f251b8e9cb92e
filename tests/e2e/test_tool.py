#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The smudge program: demo, migrate, qmp."""
import json
import os
import pathlib
import re
import signal
import subprocess

from ratetest import over_if_late
from smudgetest import PATIENCE, TOOL, case, check, check_equal, \
    check_passes, check_sentence, main, need_engine, any_engine, wait_until

SMALL = ("--memory", "64M", "--working-set", "8M", "--max-bandwidth",
         "40000000")


def run(*arguments, **kwargs):
    return subprocess.run([TOOL, *map(str, arguments)], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE, **kwargs)


def smudge(*arguments, status=0):
    done = run(*arguments)
    check_equal(done.returncode, status, f"{arguments}: {done}")
    return done


def demo_env(lab):
    lab.path("tmp").mkdir(exist_ok=True)
    return dict(os.environ, TMPDIR=str(lab.path("tmp")))


def check_nothing_left(lab):
    check_equal(list(lab.path("tmp").iterdir()), [], "files of the demo")


@case("demo on kvm", engines=("kvm", "kvm"))
@case("demo on unicorn", engines=("unicorn", "unicorn"))
@case("demo from kvm to unicorn", engines=("kvm", "unicorn"))
def demo(lab, engines):
    need_engine(*engines)
    done = run("demo", *SMALL, "--engine", engines[0], "--dest-engine",
               engines[1], env=demo_env(lab))
    check_equal(done.returncode, 0, f"{done}")
    check_equal(done.stderr, "", "stderr")
    # a round that is over between two looks has no line
    check(re.search(r"^round +[0-9]+ \| +[0-9]+ % \| ", done.stdout, re.M),
          f"no line of a round in {done.stdout}")
    for part in ("rounds", "downtime", "time in harvests",
                 "bitmap memory, afterwards", "no write was lost"):
        check(part in done.stdout, f"no {part!r} in {done.stdout}")
    check_passes(done.stdout)
    check("\r" not in done.stdout and "\x1b" not in done.stdout,
          "terminal codes in a pipe")
    check_nothing_left(lab)


@case
def demo_as_json(lab):
    done = run("demo", *SMALL, "--engine", any_engine(), "--json",
               env=demo_env(lab))
    check_equal(done.returncode, 0, f"{done}")
    report = json.loads(done.stdout)
    check_equal(report["source-digest"], report["destination-digest"],
                "digests")
    check_equal(report["source-stats"]["bitmap-bytes"],
                report["source-stats"]["code-bitmap-bytes"], "bitmap bytes")
    check(report["migration"]["x-smudge"]["bitmap-peak-bytes"] > 0, "peak")
    check(report["full-passes-at-destination"] >= 2, "passes")


@case
def demo_that_cannot_work(lab):
    for arguments, says in (
            (("--vm", "/bin/false"), "source ended"),
            (("--vm", "/no/such/vm"), "/no/such/vm.*No such file"),
            (("--guest", "/no/such/guest"), "/no/such/guest.*No such file"),
            (("--guest", "/etc/passwd"), "ELF"),
            (("--memory", "32M", "--working-set", "31M"), "does not fit")):
        done = run("demo", *arguments, env=demo_env(lab))
        check_equal(done.returncode, 1, f"{arguments}: {done}")
        check_sentence(done.stderr.strip(), "^smudge: ", says)
        check_nothing_left(lab)


def children_of(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]


def end(process, number):
    """What it said of the signal that ends it."""
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    over_if_late(process)
    return err.strip()


@case("ctrl-c ends the demo", number=signal.SIGINT)
@case("a hangup ends the demo", number=signal.SIGHUP)
@case("killed, the demo takes its machines along", number=signal.SIGKILL)
def interrupted(lab, number):
    process = subprocess.Popen(
        [TOOL, "demo", *SMALL, "--max-bandwidth", "1000000"],
        env=demo_env(lab), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    children = wait_until(lambda: len(children_of(process.pid)) == 2 and
                          children_of(process.pid), "two machines")
    for line in process.stdout:
        if line.startswith("round"):
            break
    err = end(process, number)
    wait_until(lambda: not any(os.path.exists(f"/proc/{child}/exe")
                               for child in children), "their end")
    if number == signal.SIGKILL:
        return
    check_equal(process.returncode, 1, "exit status")
    # cancelled or not: nothing runs on, for its machines are gone
    check_sentence(err.splitlines()[-1], "cancelled|interrupted",
                   "has ended its machines")
    check("runs on" not in err and "at the source" not in err, err)
    check_nothing_left(lab)


@case
def demo_whose_machine_is_killed(lab):
    process = subprocess.Popen(
        [TOOL, "demo", *SMALL, "--max-bandwidth", "1000000"],
        env=demo_env(lab), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    for line in process.stdout:
        if line.startswith("source"):
            break
    os.kill(int(re.search(r"process (\d+)", line).group(1)), signal.SIGKILL)
    _, err = process.communicate(timeout=PATIENCE)
    check_equal(process.returncode, 1, "exit status")
    check_sentence(err.strip(), "^smudge: the (source was killed by signal 9$"
                   "|destination ended: )")
    check_nothing_left(lab)


@case
def migrate(lab):
    source = lab.source()
    destination = lab.destination()
    done = smudge("migrate", "--qmp", source.qmp_path, "--max-bandwidth",
                  40_000_000, "--downtime-limit", 200, lab.uri)
    check("completed: " in done.stdout, done.stdout)
    check_equal(source.qmp.run("query-migrate-parameters")["downtime-limit"],
                200, "downtime-limit")
    destination.wait_passes(3)


@case
def migrate_as_json(lab):
    source = lab.source()
    lab.destination()
    done = smudge("migrate", "--qmp", source.qmp_path, "--json", lab.uri)
    check_equal(json.loads(done.stdout)["status"], "completed", "status")


@case
def migrate_that_fails(lab):
    source = lab.source()
    done = smudge("migrate", "--qmp", source.qmp_path,
                  f"unix:{lab.path('nobody')}", status=1)
    check_sentence(done.stderr.strip(), "^smudge: the migration failed: cannot")
    source.check_runs_on()


@case
def migrate_cancelled_by_ctrl_c(lab):
    source = lab.source(append="working-set=8M")
    lab.destination()
    process = subprocess.Popen(
        [TOOL, "migrate", "--qmp", source.qmp_path, "--max-bandwidth",
         "1000000", lab.uri], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    process.stdout.readline()
    err = end(process, signal.SIGINT)
    check_equal(process.returncode, 1, "exit status")
    check_sentence(err, "cancelled", "source")
    source.check_runs_on()


@case
def qmp(lab):
    source = lab.source()
    done = smudge("qmp", "--qmp", source.qmp_path, "--compact", "query-status")
    check_equal(json.loads(done.stdout)["running"], True, "running")
    check_equal(done.stdout.count("\n"), 1, "lines")
    smudge("qmp", "--qmp", source.qmp_path, "migrate-set-parameters",
           '{"downtime-limit": 7}')
    check_equal(source.qmp.run("query-migrate-parameters")["downtime-limit"],
                7, "downtime-limit")
    done = smudge("qmp", "--qmp", source.qmp_path, "fly", status=1)
    check_sentence(done.stderr.strip(), "^smudge: ", "fly")
    done = smudge("qmp", "--qmp", lab.path("nobody"), "stop", status=1)
    check_sentence(done.stderr.strip(), "^smudge: cannot connect")


main()
