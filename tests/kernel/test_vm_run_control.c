/* SPDX-License-Identifier: MIT */
/*
 * A guest is started only where it is: not on its way, not when it is away or
 * unconfirmed, and not once the process ends. Cont and stop of a guest that
 * has not arrived hold for its arrival, those of one that a checkpoint holds
 * for its release.
 */
#include "vm_guest.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "machine/run_control.h"

#define ENGINE "unicorn"

static void open_here(struct vm_guest *guest)
{
	vm_guest_need(ENGINE);
	vm_guest_open(guest, ENGINE, "auto", "");
	assert_int_equal(run_control_cont(guest->machine, NULL), 0);
	assert_int_equal(machine_run_state(guest->machine), MACHINE_RUNNING);
}

static void refuse(struct machine *machine, int code, const char *sentence)
{
	enum machine_run_state before = machine_run_state(machine);
	struct smudge_error cont = {0};
	struct smudge_error stop = {0};

	assert_int_equal(run_control_cont(machine, &cont), code);
	assert_int_equal(run_control_stop(machine, &stop), code);
	assert_non_null(strstr(cont.message, sentence));
	assert_string_equal(cont.message, stop.message);
	assert_int_equal(run_control_check(machine, NULL), code);
	assert_int_equal(machine_run_state(machine), before);
}

static void leave(struct machine *machine, bool expected)
{
	bool was_running = !expected;

	assert_int_equal(run_control_leave(machine, &was_running), 0);
	assert_int_equal(was_running, expected);
	assert_int_equal(machine_run_state(machine), MACHINE_FINISH_MIGRATE);
	refuse(machine, -EBUSY, "on its way");
}

static void test_comes_back_as_it_was(void **state)
{
	struct vm_guest guest;

	open_here(&guest);
	leave(guest.machine, true);
	run_control_come_back(guest.machine);
	assert_int_equal(machine_run_state(guest.machine), MACHINE_RUNNING);
	assert_int_equal(run_control_stop(guest.machine, NULL), 0);
	leave(guest.machine, false);
	run_control_come_back(guest.machine);
	assert_int_equal(machine_run_state(guest.machine), MACHINE_PAUSED);
	run_control_set_place(guest.machine, GUEST_HERE);
	assert_int_equal(machine_run_state(guest.machine), MACHINE_PAUSED);
	assert_int_equal(run_control_cont(guest.machine, NULL), 0);
	vm_guest_close(&guest);
}

static void test_does_not_run_here_when_away(void **state)
{
	struct vm_guest guest;

	open_here(&guest);
	leave(guest.machine, true);
	run_control_set_place(guest.machine, GUEST_AWAY);
	assert_int_equal(machine_run_state(guest.machine), MACHINE_POSTMIGRATE);
	refuse(guest.machine, -EPERM, "migrated away");
	assert_false(run_control_is_unconfirmed(guest.machine));
	assert_int_equal(run_control_take_back(guest.machine, NULL), -EPERM);
	vm_guest_close(&guest);
}

static void test_unconfirmed_until_taken_back(void **state)
{
	struct vm_guest guest;

	open_here(&guest);
	leave(guest.machine, true);
	run_control_set_place(guest.machine, GUEST_UNCONFIRMED);
	assert_int_equal(machine_run_state(guest.machine), MACHINE_POSTMIGRATE);
	refuse(guest.machine, -EPERM, "did not confirm");
	assert_true(run_control_is_unconfirmed(guest.machine));
	assert_int_equal(run_control_take_back(guest.machine, NULL), 0);
	assert_false(run_control_is_unconfirmed(guest.machine));
	assert_int_equal(machine_run_state(guest.machine), MACHINE_PAUSED);
	assert_int_equal(run_control_take_back(guest.machine, NULL), -EPERM);
	assert_int_equal(run_control_cont(guest.machine, NULL), 0);
	vm_guest_close(&guest);
}

static void test_not_started_at_the_end(void **state)
{
	struct vm_guest guest;

	open_here(&guest);
	leave(guest.machine, true);
	run_control_end(guest.machine);
	refuse(guest.machine, -ESHUTDOWN, "ending");
	run_control_come_back(guest.machine);
	assert_int_equal(machine_run_state(guest.machine), MACHINE_PAUSED);
	refuse(guest.machine, -ESHUTDOWN, "ending");
	vm_guest_close(&guest);
}

static void test_an_ended_guest_does_not_leave(void **state)
{
	bool was_running = true;
	struct vm_guest guest;

	open_here(&guest);
	machine_pause(guest.machine, MACHINE_PAUSED);
	machine_set_run_state(guest.machine, MACHINE_SHUTDOWN);
	assert_int_equal(run_control_leave(guest.machine, &was_running),
			 -ESHUTDOWN);
	assert_true(was_running);
	refuse(guest.machine, -EINVAL, "shutdown");
	vm_guest_close(&guest);
}

/* @stop, @cont: what a user asks for before it arrives, in this order. */
static void arrive(bool was_running, bool stop, bool cont, bool end,
		   enum machine_run_state expected)
{
	struct smudge_error err = {0};
	struct vm_buf buf = {0};
	struct vm_guest from;
	struct vm_guest to;

	open_here(&from);
	vm_guest_open(&to, ENGINE, "auto", NULL);
	assert_int_equal(run_control_stop(from.machine, NULL), 0);
	vm_guest_copy_ram(&from, &to);
	assert_int_equal(machine_save_state(from.machine, &buf, &err), 0);
	if (stop)
		assert_int_equal(run_control_stop(to.machine, NULL), 0);
	if (cont)
		assert_int_equal(run_control_cont(to.machine, NULL), 0);
	assert_int_equal(machine_run_state(to.machine), MACHINE_INMIGRATE);
	assert_int_equal(
		machine_load_state(to.machine, buf.bytes, buf.len, &err), 0);
	if (end)
		run_control_end(to.machine);
	run_control_arrive(to.machine, was_running);
	assert_int_equal(machine_run_state(to.machine), expected);
	vm_buf_free(&buf);
	vm_guest_close(&to);
	vm_guest_close(&from);
}

static void test_arrives_as_asked_for(void **state)
{
	arrive(true, false, false, false, MACHINE_RUNNING);
	arrive(true, true, false, false, MACHINE_PAUSED);
	arrive(true, true, true, false, MACHINE_RUNNING);
	arrive(false, false, true, false, MACHINE_PAUSED);
	arrive(true, false, false, true, MACHINE_PAUSED);
}

static void hold(struct machine *machine, enum machine_run_state held)
{
	struct smudge_error err = {0};

	assert_int_equal(run_control_hold(machine, &err), 0);
	assert_int_equal(machine_run_state(machine), held);
}

static void release(struct machine *machine, enum machine_run_state expected)
{
	run_control_release(machine);
	assert_int_equal(machine_run_state(machine), expected);
}

static void test_is_released_as_it_was(void **state)
{
	struct vm_guest guest;

	open_here(&guest);
	hold(guest.machine, MACHINE_SAVE_VM);
	release(guest.machine, MACHINE_RUNNING);
	assert_int_equal(run_control_stop(guest.machine, NULL), 0);
	hold(guest.machine, MACHINE_PAUSED);
	release(guest.machine, MACHINE_PAUSED);
	vm_guest_close(&guest);
}

static void test_is_released_as_asked_for(void **state)
{
	struct vm_guest guest;

	open_here(&guest);
	hold(guest.machine, MACHINE_SAVE_VM);
	assert_int_equal(run_control_stop(guest.machine, NULL), 0);
	assert_int_equal(machine_run_state(guest.machine), MACHINE_PAUSED);
	release(guest.machine, MACHINE_PAUSED);
	hold(guest.machine, MACHINE_PAUSED);
	assert_int_equal(run_control_cont(guest.machine, NULL), 0);
	assert_int_equal(machine_run_state(guest.machine), MACHINE_SAVE_VM);
	release(guest.machine, MACHINE_RUNNING);
	hold(guest.machine, MACHINE_SAVE_VM);
	run_control_end(guest.machine);
	release(guest.machine, MACHINE_PAUSED);
	vm_guest_close(&guest);
}

static void refuse_hold(struct machine *machine, int code, const char *sentence)
{
	struct smudge_error err = {0};

	assert_int_equal(run_control_hold(machine, &err), code);
	assert_non_null(strstr(err.message, sentence));
}

static void test_is_held_only_here_and_once(void **state)
{
	struct vm_guest guest;
	struct vm_guest waiting;

	open_here(&guest);
	hold(guest.machine, MACHINE_SAVE_VM);
	refuse_hold(guest.machine, -EBUSY, "another checkpoint");
	release(guest.machine, MACHINE_RUNNING);
	leave(guest.machine, true);
	refuse_hold(guest.machine, -EBUSY, "on its way");
	run_control_set_place(guest.machine, GUEST_AWAY);
	refuse_hold(guest.machine, -EPERM, "migrated away");
	vm_guest_open(&waiting, ENGINE, "auto", NULL);
	refuse_hold(waiting.machine, -EBUSY, "not arrived");
	vm_guest_close(&waiting);
	vm_guest_close(&guest);
}

struct leaver {
	struct machine *machine;
	atomic_bool has_left;
};

static void *leave_thread(void *opaque)
{
	struct leaver *leaver = opaque;
	bool was_running;

	run_control_leave(leaver->machine, &was_running);
	atomic_store(&leaver->has_left, true);
	return NULL;
}

static void test_leaves_when_released(void **state)
{
	struct leaver leaver = {0};
	struct vm_guest guest;
	pthread_t thread;

	open_here(&guest);
	hold(guest.machine, MACHINE_SAVE_VM);
	leaver.machine = guest.machine;
	assert_int_equal(pthread_create(&thread, NULL, leave_thread, &leaver),
			 0);
	usleep(20000);
	assert_false(atomic_load(&leaver.has_left));
	assert_int_equal(machine_run_state(guest.machine), MACHINE_SAVE_VM);
	run_control_release(guest.machine);
	pthread_join(thread, NULL);
	assert_int_equal(machine_run_state(guest.machine),
			 MACHINE_FINISH_MIGRATE);
	run_control_come_back(guest.machine);
	assert_int_equal(machine_run_state(guest.machine), MACHINE_RUNNING);
	vm_guest_close(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_back_as_it_was),
		cmocka_unit_test(test_does_not_run_here_when_away),
		cmocka_unit_test(test_unconfirmed_until_taken_back),
		cmocka_unit_test(test_not_started_at_the_end),
		cmocka_unit_test(test_an_ended_guest_does_not_leave),
		cmocka_unit_test(test_arrives_as_asked_for),
		cmocka_unit_test(test_is_released_as_it_was),
		cmocka_unit_test(test_is_released_as_asked_for),
		cmocka_unit_test(test_is_held_only_here_and_once),
		cmocka_unit_test(test_leaves_when_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
