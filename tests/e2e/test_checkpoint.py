#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A guest is saved while it writes, and goes on from there; it checks its own
memory."""
import json
import os
import re
import time

from layers import file_of, left_beside, listed, verify
from smudgetest import any_engine, case, check, check_equal, check_sentence, \
    main, need_engine, wait_until


def check_continues(before, machine):
    """The guest goes on with the pass after one that it had finished. Of one
    that was saved within its line only the rest of the line is here."""
    machine.wait_passes(3)
    after = machine.passes()
    has_rest = not re.match(r"\w+: ", machine.serial())
    check(after[0] <= before[-1] + 1 + has_rest,
          f"passes {before[-3:]} went on as {after[:3]}")
    check_equal(after, list(range(after[0], after[0] + len(after))), "passes")


def saved_again_and_again(lab, engine, dirty, folder, count=6):
    """A killed machine, and the passes that its guest had finished."""
    source = lab.source("--dirty", dirty, "--checkpoint-every", "0.1",
                        "--checkpoint-to", str(folder), engine=engine)
    wait_until(lambda: len([name for name in os.listdir(folder)
                            if name.startswith("layer-")]) >= count,
               f"{count} layers")
    source.wait_passes(2)
    source.kill()
    check_equal(source.sentences(), [], "sentences")
    # no layer is of a moment after these
    return source.passes()


@case("kvm", engines=("kvm", "kvm"))
@case("unicorn", engines=("unicorn", "unicorn"))
@case("kvm, then unicorn", engines=("kvm", "unicorn"))
@case("unicorn, then kvm", engines=("unicorn", "kvm"))
@case("kvm with the legacy log", engines=("kvm", "kvm"), dirty="kvm-legacy")
@case("kvm with the dirty rings", engines=("kvm", "kvm"), dirty="kvm-ring")
@case("kvm with uffd", engines=("kvm", "kvm"), dirty="uffd")
@case("unicorn with the write hook", engines=("unicorn", "unicorn"),
      dirty="hook")
def killed_and_restored(lab, engines, dirty="auto"):
    need_engine(*engines)
    folder = lab.path("layers")
    passes = saved_again_and_again(lab, engines[0], dirty, folder)
    layers = listed(folder)
    check_equal([layer["full"] for layer in layers],
                [True] + [False] * (len(layers) - 1), "full layers")
    middle = layers[len(layers) // 2]["number"]
    for name, number in (("newest", None), ("middle", middle)):
        verify(folder, number)
        suffix = "" if number is None else f"@{number}"
        machine = lab.restored(name, "--restore", f"{folder}{suffix}",
                               engine=engines[1])
        check_continues(passes, machine)
        machine.kill()


def paused_source(lab, **arguments):
    folder = lab.path("layers")
    source = lab.source(**arguments)
    source.qmp.run("stop")
    return folder, source


@case
def a_paused_guest_stays_paused_and_is_restored_paused(lab):
    folder, source = paused_source(lab)
    job = source.checkpoint(folder)
    check_equal(job["full"], True, "full")
    check_equal(source.qmp.run("query-status")["status"], "paused", "state")
    restored = lab.restored("restored", "--restore", folder)
    check_equal(restored.qmp.run("query-status"),
                {"status": "paused", "running": False}, "state")
    check_equal(restored.qmp.run("x-smudge-memory-digest"),
                source.qmp.run("x-smudge-memory-digest"), "digests")
    check_equal(restored.sentences(), [], "sentences")
    before = source.passes()
    restored.qmp.run("cont")
    check_continues(before, restored)
    # nothing was written in between
    again = source.checkpoint(folder)
    check_equal((again["full"], again["pages"]), (False, 0), f"{again}")
    check_equal(again["digest"], job["digest"], "digests")
    source.qmp.run("cont")
    source.wait_passes(2)


@case
def paused_start_waits_for_cont(lab):
    folder = lab.path("layers")
    source = lab.source()
    source.checkpoint(folder)
    restored = lab.restored("restored", "--restore", folder, "-S")
    check_equal(restored.qmp.run("query-status")["running"], False, "running")
    restored.qmp.run("cont")
    restored.wait_passes(2)


@case
def the_next_one_after_a_restore_is_a_delta(lab):
    folder = lab.path("layers")
    source = lab.source(append="working-set=16M rate=20000")
    first = source.checkpoint(folder)
    source.kill()
    for to in ([], ["--checkpoint-to", folder]):
        restored = lab.restored("restored", "-S", "--restore", folder, *to)
        # of a guest that runs it depends on how long it has run
        job = restored.checkpoint(folder)
        check_equal(job["full"], False, f"{job}")
        check(job["pages"] < first["pages"] / 2, f"{job}, first {first}")
        restored.qmp.run("cont")
        restored.wait_passes(1)
        job = restored.checkpoint(folder)
        check_equal(job["full"], False, f"{job}")
        check(job["pages"] > 0, f"{job}")
        restored.kill()
        lab.machines.remove(restored)
    verify(folder)
    last = lab.restored("last", "--restore", folder)
    last.wait_passes(3)
    check_equal([layer["full"] for layer in listed(folder)],
                [True, False, False, False, False], "full layers")


@case
def after_an_older_layer_the_next_one_is_full(lab):
    folder = lab.path("layers")
    source = lab.source()
    for _ in range(3):
        source.checkpoint(folder)
        source.wait_passes(1)
    source.kill()
    restored = lab.restored("restored", "--restore", f"{folder}@2",
                            "--checkpoint-to", folder)
    job = restored.checkpoint(folder)
    check_equal((job["full"], job["layer"]), (True, 4), f"{job}")
    restored.kill()
    lab.restored("again", "--restore", folder).wait_passes(3)


@case
def nothing_is_tracked_if_nothing_is_to_be_saved(lab):
    folder = lab.path("layers")
    source = lab.source()
    source.checkpoint(folder)
    source.kill()
    restored = lab.restored("restored", "--restore", folder,
                            "--checkpoint-to", "none")
    restored.check_runs_on()
    check_equal(restored.checkpoint(folder)["full"], True, "full")
    restored.kill()
    # the newest layer's folder is open, so the next one is a delta
    restored = lab.restored("open", "--restore", folder)
    check_equal(restored.clients(), 1, "clients")


@case
def one_folder_after_the_other(lab):
    one, other = lab.path("one"), lab.path("other")
    source = lab.source()
    kinds = []
    for folder in (one, one, other, other, one):
        kinds.append(source.checkpoint(folder)["full"])
        source.wait_passes(1)
    check_equal(kinds, [True, False, True, False, True], "full")
    check_equal(source.qmp.run("query-x-smudge-checkpoints")["folder"],
                str(one), "open folder")
    # a folder that cannot be opened leaves the open one
    error = source.qmp.run("x-smudge-checkpoint", folder="/nonexistent/x/y")
    job = source.wait_checkpoint("failed", error["id"])
    check_sentence(job["error-desc"], "/nonexistent/x")
    check_equal(source.qmp.run("x-smudge-checkpoint")["id"], job["id"] + 1,
                "the next number")
    check_equal(source.wait_checkpoint("completed")["full"], False, "full")
    for folder in (one, other):
        verify(folder)
    check_equal(source.checkpoint(one, full=True)["full"], True, "full")
    source.kill()
    lab.restored("restored", "--restore", other).wait_passes(3)


@case
def events_and_statistics(lab):
    folder = lab.path("layers")
    source = lab.source()
    job = source.checkpoint(folder)
    event = source.qmp.wait_event("X_SMUDGE_CHECKPOINT", status="completed")
    check_equal(event["data"], {"id": 1, "status": "completed",
                                "folder": str(folder), "layer": 1}, "event")
    check_equal(job["periodic"], False, "periodic")
    check(0 < job["pause-ns"] <= job["total-ns"], f"{job}")
    check(job["file-bytes"] == file_of(folder, 1).stat().st_size, f"{job}")
    check_equal(job["memory-bytes"], 64 << 20, "memory")
    layer, = listed(folder)
    check_equal((layer["digest"], layer["pages"], layer["file"]),
                (job["digest"], job["pages"], job["file"]), f"{layer}")
    stats = source.qmp.run("query-x-smudge-checkpoints")["stats"]
    check_equal((stats["layers"], stats["full-layers"]), (1, 1), f"{stats}")
    check_equal(stats["last-pause-ns"], job["pause-ns"], "pause")
    one = source.qmp.run("query-x-smudge-checkpoints", id=1)["checkpoints"]
    check_equal([entry["id"] for entry in one], [1], "with a number")


@case
def beside_a_migration(lab):
    folder = lab.path("layers")
    source = lab.source(append="working-set=8M")
    destination = lab.destination("-S")
    source.checkpoint(folder)
    source.qmp.run("migrate-set-parameters", max_bandwidth=4_000_000,
                   downtime_limit=1, x_smudge_max_rounds=1000)
    source.qmp.run("migrate", uri=lab.uri)
    wait_until(lambda: source.qmp.migration().get("ram", {})
               .get("transferred", 0) > 1000000, "a million bytes sent")
    for _ in range(3):
        check_equal(source.checkpoint(folder)["full"], False, "full")
        time.sleep(0.05)
    before = source.passes()
    check_equal(source.qmp.migration()["status"], "active", "the migration")
    source.qmp.run("migrate-set-parameters", max_bandwidth=0,
                   downtime_limit=1000)
    source.qmp.wait_migration("completed")
    destination.qmp.wait_migration("completed")
    check_equal(source.qmp.run("x-smudge-memory-digest"),
                destination.qmp.run("x-smudge-memory-digest"), "digests")
    check_sentence(source.qmp.fails("x-smudge-checkpoint").desc,
                   "migrated away")
    source.kill()
    destination.qmp.run("cont")
    destination.wait_passes(3)
    for layer in listed(folder):
        verify(folder, layer["number"])
    check_continues(before, lab.restored("restored", "--restore", folder))


@case
def those_that_are_due_pause_with_the_guest(lab):
    folder = lab.path("layers")
    source = lab.source("--checkpoint-every", "0.05", "--checkpoint-to",
                        str(folder))
    wait_until(lambda: len(source.checkpoints()) >= 3, "three checkpoints")
    source.qmp.run("stop")
    source.wait_checkpoint("completed")
    last = source.checkpoints()[-1]["id"]
    time.sleep(0.3)
    check_equal(source.checkpoints()[-1]["id"], last, "the last one")
    source.qmp.run("cont")
    wait_until(lambda: source.checkpoints()[-1]["id"] > last, "another one")
    check(all(job["periodic"] for job in source.checkpoints()), "periodic")


def begin_and_cancel(qmp, folder, number, delay):
    """Without a delay the VM has both commands at once."""
    begin, cancel = (json.dumps({"execute": name, "arguments": arguments})
                     for name, arguments in (
                         ("x-smudge-checkpoint",
                          {"folder": str(folder), "full": True}),
                         ("x-smudge-checkpoint-cancel", {"id": number})))
    if delay:
        qmp.send(begin)
        time.sleep(delay)
        qmp.send(cancel)
    else:
        qmp.send(begin + cancel)
    check_equal(qmp.reply().get("return"), {"id": number}, "the job")
    reply = qmp.reply()
    if "error" in reply:
        check_sentence(reply["error"]["desc"], "under way")


@case
def cancelled(lab):
    folder = lab.path("layers")
    source = lab.source()
    statuses = set()
    for number in range(1, 21):
        begin_and_cancel(source.qmp, folder, number, number % 5 * 0.01)
        job = wait_until(lambda: next(
            (job for job in source.checkpoints() if job["id"] == number and
             job["status"] in ("completed", "cancelled")), None), "its end")
        statuses.add(job["status"])
        check_equal(left_beside(folder), [], "files beside the layers")
        check_equal(source.qmp.run("query-status")["running"], True, "running")
    check("cancelled" in statuses, f"{statuses}")
    check_sentence(source.qmp.fails("x-smudge-checkpoint-cancel", id=1).desc,
                   "under way")
    check_equal(source.qmp.run("x-smudge-checkpoint-cancel"), {}, "cancel")
    source.wait_passes(1)
    source.checkpoint(folder)
    source.kill()
    lab.restored("restored", "--restore", folder).wait_passes(3)


@case
def a_pause_that_takes_too_long(lab):
    folder = lab.path("layers")
    source = lab.source(append="working-set=32M")
    source.checkpoint(folder)
    # the second of them has begun since, and written all
    source.wait_passes(2)
    number = source.qmp.run("x-smudge-checkpoint", pause_deadline=1)["id"]
    job = source.wait_checkpoint("failed", number)
    check_sentence(job["error-desc"], "deadline|too long|pause")
    source.wait_passes(1)
    check_equal(source.checkpoint(folder)["full"], False, "full")
    verify(folder)
    source.kill()
    lab.restored("restored", "--restore", folder).wait_passes(3)


@case
def variants(lab):
    folder = lab.path("layers")
    source = lab.source()
    source.checkpoint(folder, uncompressed=True)
    source.wait_passes(1)
    source.checkpoint(folder, look_ahead=True)
    source.wait_passes(1)
    source.checkpoint(folder, full=True, uncompressed=True, look_ahead=True)
    for number in (1, 2, 3):
        verify(folder, number)
        machine = lab.restored(f"restored{number}", "--restore",
                               f"{folder}@{number}")
        machine.wait_passes(2)
        machine.kill()


@case
def with_a_screen(lab):
    folder = lab.path("layers")
    need_engine(any_engine())
    source = lab.machine("source", "--kernel", os.environ["SMUDGE_PAINT"],
                         "--display", "320x200")
    source.connect().close()
    wait_until(lambda: ": ready " in source.serial(), "the guest is ready")
    source.qmp.run("stop")
    source.checkpoint(folder)
    source.qmp.run("screendump", filename=str(lab.path("before.ppm")))
    restored = lab.restored("restored", "--restore", folder, "--display",
                            "320x200")
    restored.qmp.run("screendump", filename=str(lab.path("after.ppm")))
    check_equal(lab.path("before.ppm").read_bytes(),
                lab.path("after.ppm").read_bytes(), "pictures")
    check_equal(restored.qmp.run("x-smudge-memory-digest"),
                source.qmp.run("x-smudge-memory-digest"), "digests")


main()
