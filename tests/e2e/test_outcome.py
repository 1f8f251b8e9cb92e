#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a migration came to is what happened, whoever is asked.

A destination that keeps its last answers back makes the moments last in which
a cancel, a stop or an end of the process comes in time or too late.
"""
import functools
import signal
import subprocess
import threading
import time

from smudgetest import PATIENCE, TOOL, Lab, case, check, check_equal, \
    check_sentence, main, note, wait_until
from stream import END, GO, HoldingDestination, Proxy

NOT_CONFIRMED = "did not confirm"


def begin(lab, hold_at):
    """A source in its switch-over, and the destination that holds it there."""
    source = lab.source()
    peer = HoldingDestination(lab, hold_at)
    source.qmp.run("migrate", uri=peer.uri)
    peer.wait_held(PATIENCE)
    return source, peer


def check_outcome(source, status, guest, state):
    report = source.qmp.wait_migration("completed", "failed", "cancelled")
    check_equal(report["status"], status, f"{report}")
    check_equal(report["x-smudge"]["guest"], guest, "place of the guest")
    check_equal(source.qmp.run("query-status")["status"], state, "state")
    source.qmp.wait_event("MIGRATION", status=status)
    return report


def statuses_told(source):
    return [event["data"]["status"] for event in source.qmp.events
            if event["event"] == "MIGRATION"]


@case
def a_cancel_after_go_without_a_receipt(lab):
    source, peer = begin(lab, GO)
    check_sentence(source.qmp.fails("migrate_cancel").desc, "too late",
                   "handed over")
    peer.release(answers=False)
    report = check_outcome(source, "failed", "unknown", "postmigrate")
    check_sentence(report["error-desc"], NOT_CONFIRMED)
    check("cancelling" not in statuses_told(source), "a cancel was told")
    check_sentence(source.qmp.fails("migrate_cancel").desc, "too late",
                   NOT_CONFIRMED)
    for command in ("cont", "stop"):
        check_sentence(source.qmp.fails(command).desc, "x-smudge-take-back")
    check_sentence(source.qmp.fails("migrate", uri=lab.uri).desc,
                   NOT_CONFIRMED)
    source.qmp.run("x-smudge-take-back")
    check_equal(source.qmp.migration()["x-smudge"]["guest"], "source", "place")
    source.qmp.run("cont")
    source.check_runs_on()


@case
def a_cancel_after_go_that_arrives(lab):
    source, peer = begin(lab, GO)
    check_sentence(source.qmp.fails("migrate_cancel").desc, "too late")
    peer.release()
    check_outcome(source, "completed", "destination", "postmigrate")
    check("cancelling" not in statuses_told(source), "a cancel was told")
    check_sentence(source.qmp.fails("migrate_cancel").desc, "too late",
                   "migrated away")


@case
def a_cancel_before_the_acknowledgement(lab):
    source, peer = begin(lab, END)
    check_equal(source.qmp.run("migrate_cancel"), {}, "reply")
    check_outcome(source, "cancelled", "source", "running")
    peer.release()
    source.check_runs_on()
    check(GO not in peer.seen, "GO was sent after a cancel")


@case
def a_failure_that_came_before_the_cancel(lab):
    source, peer = begin(lab, END)
    peer.release(answers=False)
    check_outcome(source, "failed", "source", "running")
    check_equal(source.qmp.run("migrate_cancel"), {}, "nothing to cancel")
    source.check_runs_on()


@case
def a_stop_in_the_switch_over(lab):
    source = lab.source()
    destination = lab.destination()
    held, go_on = threading.Event(), threading.Event()
    lab.closers.append(go_on.set)

    def hold_the_end(kind, _, data):
        if kind == END:
            held.set()
            go_on.wait()
        return data
    proxy = Proxy(lab, lab.path("migration.sock"), hold_the_end)
    source.qmp.run("migrate", uri=proxy.uri)
    check(held.wait(PATIENCE), "END did not come")
    for command in ("stop", "cont"):
        check_sentence(source.qmp.fails(command).desc, "on its way")
    go_on.set()
    check_outcome(source, "completed", "destination", "postmigrate")
    destination.qmp.wait_migration("completed")
    check_equal(destination.qmp.run("query-status"),
                {"status": "running", "running": True}, "status")
    check_sentence(source.qmp.fails("stop").desc, "migrated away")


@case
def a_stop_before_the_switch_over_arrives_with_the_guest(lab):
    source = lab.source(append="working-set=8M")
    destination = lab.destination()
    # the first round takes some seconds, and others follow
    source.qmp.run("migrate-set-parameters", max_bandwidth=1_000_000,
                   downtime_limit=1, x_smudge_max_rounds=1000)
    source.qmp.run("migrate", uri=lab.uri)
    wait_until(lambda: source.qmp.migration().get("ram", {})
               .get("transferred", 0) > 1000000, "a million bytes sent")
    source.qmp.run("stop")
    source.qmp.run("migrate-set-parameters", max_bandwidth=0)
    source.qmp.wait_migration("completed")
    destination.qmp.wait_migration("completed")
    check_equal(destination.qmp.run("query-status")["status"], "paused",
                "state")


sent_at = []  # when the command was interrupted


def interrupt(tool):
    sent_at.append(time.monotonic())
    tool.send_signal(signal.SIGINT)


def in_its_patience(scenario):
    """After a signal the command waits for 0.7 s: a test that is later than
    that, on a machine that stands, begins again."""
    @functools.wraps(scenario)
    def repeat(lab, **arguments):
        for left in range(4, -1, -1):
            sent_at.clear()
            with Lab() as own:
                try:
                    scenario(own, **arguments)
                    return
                except AssertionError as error:
                    is_late = sent_at and time.monotonic() > sent_at[0] + 0.5
                    if not is_late or not left:
                        own.show_logs()
                        raise
                    note(f"too late after the signal, once more: {error}")
    return repeat


def migrate_by_tool(source, peer):
    source.qmp.run("query-name")  # from here on it hears events
    tool = subprocess.Popen(
        [TOOL, "migrate", "--qmp", str(source.qmp_path), peer.uri],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True)
    peer.wait_held(PATIENCE)
    return tool


def end_of(tool, status):
    """What it said last on stderr."""
    _, err = tool.communicate(timeout=PATIENCE)
    check_equal(tool.returncode, status, f"exit status, {err!r}")
    return err.strip().splitlines()[-1] if err else ""


@case("ctrl-c before the acknowledgement", stopped=False)
@case("ctrl-c before the acknowledgement, of a guest that stood", stopped=True)
@in_its_patience
def ctrl_c_in_time(lab, stopped):
    source = lab.source()
    if stopped:
        source.qmp.run("stop")
    peer = HoldingDestination(lab, END)
    tool = migrate_by_tool(source, peer)
    interrupt(tool)
    wait_until(lambda: source.qmp.migration()["status"] != "active", "a cancel")
    peer.release()
    check_sentence(end_of(tool, 1), "was cancelled",
                   "at the source and does not run.*paused" if stopped
                   else "the guest runs at the source$")


@case
@in_its_patience
def ctrl_c_after_go_without_a_receipt(lab):
    source = lab.source()
    peer = HoldingDestination(lab, GO)
    tool = migrate_by_tool(source, peer)
    interrupt(tool)
    check_sentence(tool.stderr.readline().strip(), "too late")
    peer.release(answers=False)
    last = end_of(tool, 1)
    check_sentence(last, NOT_CONFIRMED, "not known whether")
    check("runs at the source" not in last and "runs on" not in last, last)


@case
@in_its_patience
def ctrl_c_after_go_that_arrives(lab):
    source = lab.source()
    peer = HoldingDestination(lab, GO)
    tool = migrate_by_tool(source, peer)
    interrupt(tool)
    check_sentence(tool.stderr.readline().strip(), "too late")
    peer.release()
    check_equal(end_of(tool, 0), "", "stderr")


@case
def ctrl_c_does_not_wait_for_long(lab):
    source = lab.source()
    peer = HoldingDestination(lab, GO)
    tool = migrate_by_tool(source, peer)
    tool.send_signal(signal.SIGINT)
    check_sentence(end_of(tool, 1), "interrupted", "not known",
                   "query-migrate")
    peer.release()
    check_outcome(source, "completed", "destination", "postmigrate")


@case
def the_source_is_gone_and_cannot_be_asked(lab):
    source = lab.source()
    peer = HoldingDestination(lab, GO)
    tool = migrate_by_tool(source, peer)
    source.kill()
    check_sentence(end_of(tool, 1), "not known")


def end_source(source, how):
    """Returns when the process has noticed."""
    other = source.connect()
    if how == "quit":
        check_equal(source.qmp.run("quit"), {}, "reply")
    else:
        source.process.send_signal(how)

    def has_noticed():
        try:
            return "is ending" in other.fails("cont").desc
        except (AssertionError, OSError):  # it has ended already
            return True
    wait_until(has_noticed, "the end")
    return other


@case("quit before the acknowledgement", how="quit", status=0)
@case("SIGTERM before the acknowledgement", how=signal.SIGTERM, status=143)
def ended_in_time(lab, how, status):
    source, peer = begin(lab, END)
    passes = len(source.passes())
    end_source(source, how)
    peer.release()
    source.wait_status(status)
    check_equal(len(source.sentences()), 1, source.log())
    check_sentence(source.sentences()[0], "given up", "ends here")
    check(GO not in peer.seen, "GO was sent by a process that ends")
    check_equal(len(source.passes()), passes, "passes of a guest that ends")


@case("quit after go, and a receipt", how="quit", status=0)
@case("SIGTERM after go, and a receipt", how=signal.SIGTERM, status=143)
def ended_too_late_and_confirmed(lab, how, status):
    source, peer = begin(lab, GO)
    end_source(source, how)
    peer.release()
    source.wait_status(status)
    check_sentence(source.sentences()[-1], "handed over")


@case("quit after go, and no receipt", how="quit")
@case("SIGTERM after go, and no receipt", how=signal.SIGTERM)
def ended_too_late_and_not_confirmed(lab, how):
    source, peer = begin(lab, GO)
    end_source(source, how)
    peer.release(answers=False)
    check_equal(source.wait(), 1, "exit status")
    check_sentence(source.sentences()[-1], "not confirm", "may run")


@case
def nothing_is_begun_by_a_process_that_ends(lab):
    source, peer = begin(lab, GO)
    other = end_source(source, "quit")
    check_sentence(other.fails("stop").desc, "is ending")
    check_sentence(other.fails("migrate", uri=peer.uri).desc,
                   "in progress|ending")
    peer.release()
    check_equal(source.wait(), 0, "exit status")
    other.close()


main()
