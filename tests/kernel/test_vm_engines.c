/* SPDX-License-Identifier: MIT */
/*
 * The guest runs on each engine and moves between them: pausing, resuming and
 * moving at any moment loses nothing, by the guest's own verdict; and the guest
 * detects it when the test changes its memory.
 */
#include "vm_guest.h"

#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#include "base/bytes.h"

static void run_patterns(const char *engine)
{
	static const char *const lines[] = {
		"working-set=1M passes=3 pattern=sequential",
		"working-set=1M passes=3 pattern=random",
		"working-set=1M passes=3 pattern=alternating",
		"working-set=1M passes=3 pattern=hotset",
		"working-set=1020K passes=4 pattern=random",
		"working-set=36K passes=9 pattern=hotset",
	};

	vm_guest_need(engine);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct vm_guest guest;

		vm_guest_open(&guest, engine, "auto", lines[i]);
		assert_int_equal(machine_resume(guest.machine), 0);
		assert_int_equal(vm_guest_wait_end(&guest), VM_GUEST_OK);
		assert_int_equal(machine_run_state(guest.machine),
				 MACHINE_SHUTDOWN);
		assert_true(machine_resume(guest.machine) < 0);
		vm_guest_close(&guest);
	}
}

static void test_patterns_kvm(void **state)
{
	run_patterns("kvm");
}

static void test_patterns_unicorn(void **state)
{
	run_patterns("unicorn");
}

/* The guest visits pages in order: is it at this one, or next to it? */
static bool is_at(struct vm_guest *guest, uint64_t page)
{
	uint64_t before = vm_guest_page(guest, page - 1)[0] >> 32;
	uint64_t after = vm_guest_page(guest, page + 1)[0] >> 32;

	return before != after;
}

/*
 * Pause the guest where it is at neither page: it would overwrite what it has
 * verified already.
 */
static void pause_elsewhere(struct vm_guest *guest, uint64_t a, uint64_t b)
{
	machine_pause(guest->machine, MACHINE_PAUSED);
	while (is_at(guest, a) || is_at(guest, b)) {
		machine_resume(guest->machine);
		usleep(1000);
		machine_pause(guest->machine, MACHINE_PAUSED);
	}
}

static void spoil(const char *engine)
{
	struct vm_guest guest;
	uint64_t *words;

	vm_guest_need(engine);
	vm_guest_open(&guest, engine, "auto",
		      "working-set=1M passes=120 "
		      "rate=20000");
	machine_resume(guest.machine);
	vm_guest_wait_passes(&guest, 2);
	pause_elsewhere(&guest, 17, 99);
	/* half of the page comes from an older generation */
	words = vm_guest_page(&guest, 17);
	words[256]--;
	words = vm_guest_page(&guest, 99);
	words[511] ^= 1;
	machine_resume(guest.machine);
	assert_int_equal(vm_guest_wait_end(&guest), VM_GUEST_ERRORS);
	assert_true(vm_guest_said(&guest, "scribble: error page 17 expected "
					  "generation "));
	assert_true(vm_guest_said(&guest, "scribble: error page 99 "
					  "generation "));
	assert_true(vm_guest_said(&guest, "scribble: done passes 120 errors "
					  "2\n"));
	vm_guest_close(&guest);
}

static void test_spoiled_memory_kvm(void **state)
{
	spoil("kvm");
}

static void test_spoiled_memory_unicorn(void **state)
{
	spoil("unicorn");
}

/* A pause means that nothing changes: neither RAM nor state. */
static void pause_often(const char *engine)
{
	struct vm_guest guest;

	vm_guest_need(engine);
	vm_guest_open(&guest, engine, "auto",
		      "working-set=1M passes=25 "
		      "rate=20000 pattern=random");
	machine_resume(guest.machine);
	for (unsigned int i = 0; i < 200; i++) {
		struct vm_buf before = {0};
		struct vm_buf after = {0};

		usleep(i * 13 % 1700);
		machine_pause(guest.machine, MACHINE_PAUSED);
		assert_int_equal(
			machine_save_state(guest.machine, &before, NULL), 0);
		assert_int_equal(
			machine_save_state(guest.machine, &after, NULL), 0);
		assert_int_equal(before.len, after.len);
		/* the time stamp counter runs on while paused */
		assert_memory_equal(before.bytes, after.bytes, 16 * 8);
		vm_buf_free(&before);
		vm_buf_free(&after);
		if (machine_resume(guest.machine) < 0)
			break;
	}
	assert_int_equal(vm_guest_wait_end(&guest), VM_GUEST_OK);
	vm_guest_close(&guest);
}

static void test_pauses_kvm(void **state)
{
	pause_often("kvm");
}

static void test_pauses_unicorn(void **state)
{
	pause_often("unicorn");
}

/* Through the engines in turn, leaving each in the middle of a pass. */
static void travel(const char *const engines[], size_t n)
{
	struct vm_guest guests[8];

	vm_guest_open(&guests[0], engines[0], "auto",
		      "working-set=1M passes=120 rate=20000 pattern=random");
	machine_resume(guests[0].machine);
	for (size_t i = 1; i < n; i++) {
		vm_guest_wait_passes(&guests[i - 1], 2);
		vm_guest_open(&guests[i], engines[i], "auto", NULL);
		vm_guest_move(&guests[i - 1], &guests[i]);
	}
	assert_int_equal(vm_guest_wait_end(&guests[n - 1]), VM_GUEST_OK);
	assert_true(vm_guest_said(&guests[n - 1], "done passes 120 errors 0"));
	for (size_t i = 0; i < n; i++)
		vm_guest_close(&guests[i]);
}

static void test_kvm_unicorn_kvm(void **state)
{
	static const char *const engines[] = {"kvm", "unicorn", "kvm",
					      "unicorn", "kvm"};

	vm_guest_need("kvm");
	vm_guest_need("unicorn");
	travel(engines, 5);
}

static void test_unicorn_unicorn(void **state)
{
	static const char *const engines[] = {"unicorn", "unicorn", "unicorn"};

	vm_guest_need("unicorn");
	travel(engines, 3);
}

static void test_kvm_kvm(void **state)
{
	static const char *const engines[] = {"kvm", "kvm", "kvm"};

	vm_guest_need("kvm");
	travel(engines, 3);
}

TEST_MAIN(test_patterns_kvm, test_patterns_unicorn, test_spoiled_memory_kvm,
	  test_spoiled_memory_unicorn, test_pauses_kvm, test_pauses_unicorn,
	  test_kvm_unicorn_kvm, test_unicorn_unicorn, test_kvm_kvm)
