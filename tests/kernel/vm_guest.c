/* SPDX-License-Identifier: MIT */
/*
 * Running a guest under test. Waiting ends with a failure after a minute: a
 * guest that hangs must not hang the tests.
 */
#include "vm_guest.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "beside.h"
#include "engine/engine.h"
#include "machine/machine.h"

#define RAM_BYTES     (UINT64_C(32) << 20)
#define OUTPUT_BYTES  65536
#define WAIT_STEP_US  2000
#define IMAGE_GPA     UINT64_C(0x400000)
#define MIDDLE_WORD   256
#define WORDS_IN_PAGE 512
#define SCRIBBLE      "../../guests/scribble.elf"
#define EVERYTHING    "../../guests/everything.elf"

void vm_guest_need(const char *engine)
{
	const struct engine_ops *ops;
	struct smudge_error err = {0};
	char why[256];

	if (engine_choose(engine, &ops, why, &err) < 0)
		test_skip_without(engine, err.message);
}

static void start(struct vm_guest *guest, const char *kernel,
		  const char *append)
{
	struct smudge_error err = {0};
	int ret = 0;

	if (kernel)
		ret = machine_load_kernel(guest->machine, kernel, append, &err);
	if (ret == 0)
		ret = machine_start(guest->machine, &err);
	if (ret < 0)
		fail_msg("%s", err.message);
}

/* No @image: a state will come. */
static void open_machine(struct vm_guest *guest, struct machine_config config,
			 const char *image, const char *append)
{
	struct smudge_error err = {0};
	char kernel[PATH_MAX];
	char serial[80];

	guest->serial_fd = memfd_create("serial", MFD_CLOEXEC);
	assert_true(guest->serial_fd >= 0);
	snprintf(serial, sizeof(serial), "file:/proc/self/fd/%d",
		 guest->serial_fd);
	config.memory_bytes = RAM_BYTES;
	config.devices.serial = serial;
	if (machine_create(&config, &guest->machine, &err) < 0)
		fail_msg("%s", err.message);
	if (image)
		test_beside(image, kernel);
	start(guest, image ? kernel : NULL, append);
}

void vm_guest_open(struct vm_guest *guest, const char *engine,
		   const char *dirty, const char *append)
{
	const struct machine_config config = {
		.engine = engine,
		.dirty = dirty,
		.is_incoming = !append,
	};

	open_machine(guest, config, append ? SCRIBBLE : NULL, append);
}

void vm_guest_open_everything(struct vm_guest *guest, const char *engine,
			      const char *append)
{
	const struct machine_config config = {
		.engine = engine,
		.dirty = "auto",
		.devices = {.framebuffer_width_pixels = 320,
			    .framebuffer_height_pixels = 200},
	};

	open_machine(guest, config, EVERYTHING, append);
}

void vm_guest_close(struct vm_guest *guest)
{
	machine_destroy(guest->machine);
	close(guest->serial_fd);
}

static void read_output(struct vm_guest *guest, char text[OUTPUT_BYTES])
{
	ssize_t n = pread(guest->serial_fd, text, OUTPUT_BYTES - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
}

bool vm_guest_said(struct vm_guest *guest, const char *text)
{
	static char output[OUTPUT_BYTES];

	read_output(guest, output);
	return strstr(output, text) != NULL;
}

unsigned int vm_guest_passes(struct vm_guest *guest)
{
	static char output[OUTPUT_BYTES];
	unsigned int passes = 0;

	read_output(guest, output);
	for (const char *at = output; (at = strstr(at, ": pass ")); at++)
		if (strchr(at, '\n'))
			passes++;
	return passes;
}

void vm_guest_wait_passes(struct vm_guest *guest, unsigned int passes)
{
	while (vm_guest_passes(guest) < passes)
		usleep(WAIT_STEP_US);
}

int vm_guest_wait_end(struct vm_guest *guest)
{
	struct pollfd end = {.fd = machine_exit_fd(guest->machine),
			     .events = POLLIN};
	enum machine_exit_reason reason;
	int status = -1;

	assert_int_equal(poll(&end, 1, -1), 1);
	reason = machine_exit_reason(guest->machine, &status);
	if (status == VM_GUEST_OK)
		assert_int_equal(reason, MACHINE_EXIT_HALT);
	return status;
}

void vm_guest_copy_ram(struct vm_guest *from, struct vm_guest *to)
{
	const struct ram *source = machine_ram(from->machine);
	const struct ram *target = machine_ram(to->machine);

	assert_int_equal(target->npieces, source->npieces);
	for (size_t i = 0; i < source->npieces; i++)
		memcpy(target->pieces[i].hva, source->pieces[i].hva,
		       source->pieces[i].size_bytes);
}

void vm_guest_move(struct vm_guest *from, struct vm_guest *to)
{
	struct smudge_error err = {0};
	struct vm_buf buf = {0};

	machine_pause(from->machine, MACHINE_FINISH_MIGRATE);
	assert_int_equal(machine_run_state(from->machine),
			 MACHINE_FINISH_MIGRATE);
	vm_guest_copy_ram(from, to);
	if (machine_save_state(from->machine, &buf, &err) < 0)
		fail_msg("%s", err.message);
	assert_true(machine_resume(to->machine) < 0);
	if (machine_load_state(to->machine, buf.bytes, buf.len, &err) < 0)
		fail_msg("%s", err.message);
	vm_buf_free(&buf);
	assert_int_equal(machine_resume(to->machine), 0);
}

/* Return: NULL if it is being written. */
static uint64_t *find_page(struct vm_guest *guest, uint32_t page)
{
	for (uint64_t gpa = IMAGE_GPA; gpa < RAM_BYTES; gpa += 4096) {
		uint64_t *words = (uint64_t *)ram_at(
			machine_ram(guest->machine), gpa, 4096);

		if ((uint32_t)words[0] == page &&
		    words[0] >> 32 == words[MIDDLE_WORD] &&
		    words[WORDS_IN_PAGE - 1])
			return words;
	}
	return NULL;
}

uint64_t *vm_guest_page(struct vm_guest *guest, uint32_t page)
{
	uint64_t *words = find_page(guest, page);

	if (!words)
		fail_msg("page %u is not in the guest's RAM", page);
	return words;
}

/* Is the guest at this page, or next to it? */
static bool is_at(struct vm_guest *guest, uint32_t page)
{
	const uint64_t *before = find_page(guest, page - 1);
	const uint64_t *after = find_page(guest, page + 1);

	return !before || !after || !find_page(guest, page) ||
	       before[0] >> 32 != after[0] >> 32;
}

static bool is_at_any(struct vm_guest *guest, const uint32_t *pages,
		      size_t npages)
{
	for (size_t i = 0; i < npages; i++)
		if (is_at(guest, pages[i]))
			return true;
	return false;
}

void vm_guest_pause_elsewhere(struct vm_guest *guest, const uint32_t *pages,
			      size_t npages)
{
	machine_pause(guest->machine, MACHINE_PAUSED);
	while (is_at_any(guest, pages, npages)) {
		machine_resume(guest->machine);
		usleep(1000);
		machine_pause(guest->machine, MACHINE_PAUSED);
	}
}
