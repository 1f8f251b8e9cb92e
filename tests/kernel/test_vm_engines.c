/* SPDX-License-Identifier: MIT */
/*
 * The guest runs on each engine and moves between them: pausing, resuming and
 * moving at any moment loses nothing, by the guest's own verdict; and the guest
 * detects it when the test changes its memory.
 */
#include "vm_guest.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#include "base/bytes.h"

#define NPASSES 120

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

/*
 * A guest that ends after @npasses passes. On a busy machine it may run on for
 * long before it is paused: where half of them are over, there must be another
 * one, with more.
 */
static void start(struct vm_guest *guest, const char *engine,
		  unsigned int npasses, const char *pattern)
{
	char line[80];

	snprintf(line, sizeof(line),
		 "working-set=1M passes=%u rate=20000 pattern=%s", npasses,
		 pattern);
	vm_guest_open(guest, engine, "auto", line);
	assert_int_equal(machine_resume(guest->machine), 0);
}

static void expect_done(struct vm_guest *guest, unsigned int npasses,
			unsigned int nerrors)
{
	char line[80];

	snprintf(line, sizeof(line), "scribble: done passes %u errors %u\n",
		 npasses, nerrors);
	assert_true(vm_guest_said(guest, line));
}

/* Return: its passes. */
static unsigned int start_to_spoil(struct vm_guest *guest, const char *engine)
{
	static const uint32_t spoiled[] = {17, 99};
	unsigned int npasses = NPASSES;

	start(guest, engine, npasses, "sequential");
	for (;;) {
		vm_guest_wait_passes(guest, 2);
		vm_guest_pause_elsewhere(guest, spoiled, 2);
		if (vm_guest_passes(guest) < npasses / 2)
			return npasses;
		vm_guest_close(guest);
		npasses *= 2;
		start(guest, engine, npasses, "sequential");
	}
}

static void spoil(const char *engine)
{
	struct vm_guest guest;
	unsigned int npasses;
	uint64_t *words;

	vm_guest_need(engine);
	npasses = start_to_spoil(&guest, engine);
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
	expect_done(&guest, npasses, 2);
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

/* Return: false: too many of the passes are over. */
static bool try_to_travel(const char *const engines[], size_t n,
			  unsigned int npasses)
{
	struct vm_guest guests[8];
	unsigned int ndone = 0;
	size_t nopen = 1;

	start(&guests[0], engines[0], npasses, "random");
	while (nopen < n) {
		struct vm_guest *from = &guests[nopen - 1];

		vm_guest_wait_passes(from, 2);
		vm_guest_open(&guests[nopen], engines[nopen], "auto", NULL);
		machine_pause(from->machine, MACHINE_FINISH_MIGRATE);
		nopen++;
		ndone += vm_guest_passes(from);
		if (ndone > npasses / 2)
			break;
		vm_guest_move(from, from + 1);
	}
	if (ndone <= npasses / 2) {
		assert_int_equal(vm_guest_wait_end(&guests[n - 1]),
				 VM_GUEST_OK);
		expect_done(&guests[n - 1], npasses, 0);
	}
	while (nopen)
		vm_guest_close(&guests[--nopen]);
	return ndone <= npasses / 2;
}

/* Through the engines in turn, leaving each in the middle of a pass. */
static void travel(const char *const engines[], size_t n)
{
	unsigned int npasses = NPASSES;

	while (!try_to_travel(engines, n, npasses))
		npasses *= 2;
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
