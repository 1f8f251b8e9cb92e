#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each command in each state: carried out, or refused with a sentence.

A table of states; a row is a command and either what its refusal says or,
where it gives a reply, the state that query-status must then have.
"""
import functools

from smudgetest import PATIENCE, case, check, check_equal, check_sentence, \
    main, wait_until
from stream import END, GO, HoldingDestination

RUNNING, PAUSED, WAITING = ("running",), ("paused",), ("inmigrate",)
HELD, MOVED = ("finish-migrate",), ("postmigrate",)


def running(lab):
    return lab.source()


def paused(lab):
    source = lab.source()
    source.qmp.run("stop")
    return source


def waiting(lab):
    return lab.destination()


def deferred(lab):
    return lab.machine("deferred", "--incoming", "defer")


def in_rounds(lab):
    source = lab.source(append="working-set=8M")
    lab.destination()
    source.qmp.run("migrate-set-parameters", max_bandwidth=4_000_000,
                   downtime_limit=1, x_smudge_max_rounds=1000)
    source.qmp.run("migrate", uri=lab.uri)
    wait_until(lambda: source.qmp.migration().get("ram", {})
               .get("transferred", 0) > 1000000, "a million bytes sent")
    # this round takes minutes: while the guest is stopped, it would be the last
    source.qmp.run("migrate-set-parameters", max_bandwidth=10_000)
    return source


def held(lab, at):
    source = lab.source()
    peer = HoldingDestination(lab, at)
    source.qmp.run("migrate", uri=peer.uri)
    peer.wait_held(PATIENCE)
    return source


def moved(lab):
    source = lab.source()
    lab.destination()
    source.qmp.run("migrate", uri=lab.uri)
    source.qmp.wait_migration("completed")
    return source


def arrived(lab):
    source = lab.source()
    destination = lab.destination()
    source.qmp.run("migrate", uri=lab.uri)
    destination.qmp.wait_migration("completed")
    return destination


def released(lab, at, status):
    source = lab.source()
    peer = HoldingDestination(lab, at)
    peer.release(answers=False)
    source.qmp.run("migrate", uri=peer.uri)
    source.qmp.wait_migration(status)
    return source


def cancelled(lab):
    source = held(lab, END)
    source.qmp.run("migrate_cancel")
    source.qmp.wait_migration("cancelled")
    return source


# the guest is here, and no migration runs
HERE = [
    ("migrate_cancel", RUNNING),
    ("x-smudge-take-back", "unconfirmed"),
    ("migrate-incoming", "--incoming"),
    ("x-smudge-memory-digest", "running"),
    ("x-smudge-checkpoint", RUNNING),
    ("x-smudge-checkpoint-cancel", RUNNING),
    ("cont", RUNNING),
    ("stop", PAUSED),
    ("x-smudge-checkpoint", PAUSED),
    ("stop", PAUSED),
    ("x-smudge-memory-digest", PAUSED),
    ("cont", RUNNING),
]
SWITCHING = [
    ("stop", "on its way"),
    ("cont", "on its way"),
    ("migrate", "in progress"),
    ("migrate-incoming", "on its way"),
    ("x-smudge-take-back", "unconfirmed"),
    ("x-smudge-memory-digest", "migration is in progress"),
    ("migrate-set-parameters", HELD),
    ("x-smudge-checkpoint", "on its way"),
    ("x-smudge-checkpoint-cancel", HELD),
]
# state, how it is reached, its rows
STATES = [
    ("running", running, HERE),
    ("paused", paused, [("migrate_cancel", PAUSED), ("stop", PAUSED),
                        ("x-smudge-take-back", "unconfirmed"),
                        ("x-smudge-memory-digest", PAUSED),
                        ("x-smudge-checkpoint", PAUSED),
                        ("cont", RUNNING)]),
    ("waiting", waiting, [
        ("migrate", "incoming"),
        ("migrate_cancel", "incoming"),
        ("migrate-incoming", "already"),
        ("x-smudge-take-back", "unconfirmed"),
        ("x-smudge-memory-digest", "migration"),
        ("x-smudge-checkpoint", "not arrived"),
        ("x-smudge-checkpoint-cancel", WAITING),
        ("stop", WAITING),
        ("cont", WAITING)]),
    ("deferred", deferred, [
        ("migrate", "incoming"),
        ("migrate_cancel", WAITING),
        ("x-smudge-take-back", "unconfirmed"),
        ("x-smudge-checkpoint", "not arrived"),
        ("stop", WAITING),
        ("cont", WAITING)]),
    ("in rounds", in_rounds, [
        ("migrate", "in progress"),
        ("migrate-incoming", "--incoming"),
        ("x-smudge-take-back", "unconfirmed"),
        ("x-smudge-checkpoint", RUNNING),
        ("stop", PAUSED),
        ("cont", RUNNING),
        ("migrate_cancel", RUNNING)]),
    ("before the acknowledgement", functools.partial(held, at=END),
     SWITCHING + [("migrate_cancel", RUNNING)]),
    ("after go", functools.partial(held, at=GO),
     SWITCHING + [("migrate_cancel", "too late")]),
    ("moved", moved, [
        ("stop", "migrated away"),
        ("cont", "migrated away"),
        ("migrate", "migrated away"),
        ("migrate_cancel", "too late.*migrated away"),
        ("migrate-incoming", "migrated away"),
        ("x-smudge-checkpoint", "migrated away"),
        ("x-smudge-take-back", "unconfirmed"),
        ("x-smudge-memory-digest", MOVED)]),
    ("unconfirmed", functools.partial(released, at=GO, status="failed"), [
        ("stop", "did not confirm"),
        ("cont", "did not confirm"),
        ("migrate", "did not confirm"),
        ("migrate_cancel", "too late.*did not confirm"),
        ("migrate-incoming", "did not confirm"),
        ("x-smudge-checkpoint", "did not confirm"),
        ("x-smudge-memory-digest", MOVED),
        ("x-smudge-take-back", PAUSED),
        ("x-smudge-take-back", "unconfirmed"),
        ("migrate_cancel", PAUSED),
        ("cont", RUNNING)]),
    ("cancelled", cancelled, HERE),
    ("failed", functools.partial(released, at=END, status="failed"), HERE),
    ("arrived", arrived, HERE),
]
ARGUMENTS = {
    "migrate": {"uri": "unix:/nonexistent/socket"},
    "migrate-incoming": {"uri": "tcp:127.0.0.1:0"},
    "migrate-set-parameters": {"downtime_limit": 300},
}


def look(machine):
    return machine.qmp.run("query-status")["status"], \
        machine.qmp.migration()["status"]


def try_row(lab, machine, command, expected):
    arguments = ARGUMENTS.get(command, {})
    if command == "x-smudge-checkpoint":
        arguments = {"folder": str(lab.path("layers"))}
    if isinstance(expected, str):
        before = look(machine)
        error = machine.qmp.fails(command, **arguments)
        check_sentence(error.desc, expected)
        check_equal(look(machine), before, f"state after a refused {command}")
        return
    machine.qmp.run(command, **arguments)
    wait_until(lambda: look(machine)[0] in expected,
               f"{expected} after {command}")
    if command == "x-smudge-checkpoint":
        machine.wait_checkpoint("completed")
    if command == "migrate_cancel":
        wait_until(lambda: look(machine)[1] in
                   ("none", "cancelled", "failed", "completed"),
                   "the end of what was cancelled")


def state(lab, reach, rows):
    machine = reach(lab)
    for command, expected in rows:
        try:
            try_row(lab, machine, command, expected)
        except AssertionError as failure:
            raise AssertionError(f"{command}: {failure}") from failure


for title, how, table in STATES:
    case(title, reach=how, rows=table)(state)


@case("a stop while it is awaited", commands=("stop",), state_then="paused")
@case("a stop and a cont while it is awaited", commands=("stop", "cont"),
      state_then="running")
def told_while_it_is_awaited(lab, commands, state_then):
    source = lab.source()
    destination = lab.destination()
    for command in commands:
        check_equal(destination.qmp.run(command), {}, command)
    source.qmp.run("migrate", uri=lab.uri)
    destination.qmp.wait_migration("completed")
    check_equal(destination.qmp.run("query-status")["status"], state_then,
                "state of what arrived")


@case
def the_table_has_every_command_that_changes_something(lab):
    machine = lab.machine("machine", "--incoming", "defer")
    known = {entry["name"] for entry in machine.qmp.run("query-commands")}
    # test_dirty_rate has the two that measure the guest
    reading = {name for name in known if name.startswith("query-")} | {
        "qmp_capabilities", "screendump", "x-smudge-memory-stats",
        "calc-dirty-rate", "x-smudge-forecast"}
    tried = {command for _, _, rows in STATES for command, _ in rows}
    check_equal(known - reading - {"quit"}, tried, "commands")
    check(tried <= known, "commands")


main()
