/* SPDX-License-Identifier: MIT */
/*
 * guests/everything: finds no error while left alone, and reports one when the
 * test changes a pixel of its picture or a word of its pages.
 */
#include "vm_guest.h"

#include <stdio.h>

#include <smudge/error.h>

#define VRAM_GPA     UINT64_C(0xe0000000)
#define STRIDE_BYTES (320 * 4)

#define SPOILED 9 /* a page */

#define NPASSES 40

static unsigned int npasses; /* of the guest that runs */

static void start(struct vm_guest *guest, const char *engine)
{
	char line[80];

	snprintf(line, sizeof(line), "working-set=64K rate=400 passes=%u",
		 npasses);
	vm_guest_need(engine);
	vm_guest_open_everything(guest, engine, line);
	assert_int_equal(machine_resume(guest->machine), 0);
}

/*
 * Paused after some passes, and before most. A busy machine may let it run on
 * meanwhile: then another one, with more.
 */
static void start_and_pause(struct vm_guest *guest, const char *engine)
{
	static const uint32_t spoiled = SPOILED;

	npasses = NPASSES;
	start(guest, engine);
	for (;;) {
		vm_guest_wait_passes(guest, 3);
		vm_guest_pause_elsewhere(guest, &spoiled, 1);
		if (vm_guest_passes(guest) < npasses / 2)
			return;
		vm_guest_close(guest);
		npasses *= 2;
		start(guest, engine);
	}
}

static void finish(struct vm_guest *guest, int status)
{
	char line[80];

	snprintf(line, sizeof(line), "everything: done passes %u errors ",
		 npasses);
	assert_int_equal(vm_guest_wait_end(guest), status);
	assert_true(vm_guest_said(guest, line));
	vm_guest_close(guest);
}

static void unharmed(const char *engine)
{
	struct vm_guest guest;

	npasses = NPASSES;
	start(&guest, engine);
	finish(&guest, VM_GUEST_OK);
}

static void flip_pixel(struct vm_guest *guest, uint64_t x, uint64_t y)
{
	*ram_at(machine_ram(guest->machine),
		VRAM_GPA + y * STRIDE_BYTES + x * 4, 4) ^= 1;
}

/* Two pixels: a line that is being drawn may hide one. */
static void spoiled_pixels(const char *engine)
{
	struct vm_guest guest;

	start_and_pause(&guest, engine);
	flip_pixel(&guest, 7, 5);
	flip_pixel(&guest, 319, 40);
	assert_int_equal(machine_resume(guest.machine), 0);
	assert_int_equal(vm_guest_wait_end(&guest), VM_GUEST_ERRORS);
	assert_true(vm_guest_said(&guest, "everything: error pixel 7 5 ") ||
		    vm_guest_said(&guest, "everything: error pixel 319 40 "));
	finish(&guest, VM_GUEST_ERRORS);
}

static void spoiled_page(const char *engine)
{
	struct vm_guest guest;

	start_and_pause(&guest, engine);
	vm_guest_page(&guest, SPOILED)[511] ^= 1;
	assert_int_equal(machine_resume(guest.machine), 0);
	assert_int_equal(vm_guest_wait_end(&guest), VM_GUEST_ERRORS);
	assert_true(vm_guest_said(&guest, "everything: error page 9 "));
	finish(&guest, VM_GUEST_ERRORS);
}

static void test_kvm(void **state)
{
	unharmed("kvm");
	spoiled_pixels("kvm");
	spoiled_page("kvm");
}

static void test_unicorn(void **state)
{
	unharmed("unicorn");
	spoiled_pixels("unicorn");
	spoiled_page("unicorn");
}

TEST_MAIN(test_kvm, test_unicorn)
