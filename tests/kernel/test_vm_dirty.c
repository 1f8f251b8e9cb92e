/* SPDX-License-Identifier: MIT */
/*
 * No write of a real guest is lost, whichever way --dirty names: what changed
 * in RAM between two paused moments was taken, or is in the last harvest.
 *
 * A shadow copy plays a migration's destination: only taken pages are copied
 * into it while the guest runs, and in the end both must be equal.
 */
#include "vm_guest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smudge/code.h>
#include <smudge/batch.h>
#include <smudge/client.h>
#include <smudge/error.h>
#include <smudge/memory.h>

#include "base/bytes.h"

#define MAX_RUNS 4096
#define ROUNDS	 12

/* For a guest of one store; the state's first section is the vCPU. */
#define CODE_GPA   0x3000u
#define TARGET_GPA 0x801000u
#define RIP_OFFSET (19 + 16 * 8)

struct shadow {
	const struct ram_piece *ram; /* one piece */
	struct smudge_client *client;
	struct smudge_batch *batch;
	uint8_t *copy;
	uint64_t copied_pages;
};

static void must(int ret, const struct smudge_error *err)
{
	if (ret < 0)
		fail_msg("%d: %s", ret, err->message);
}

static void copy_batch(struct shadow *shadow)
{
	for (size_t i = 0; i < smudge_batch_nruns(shadow->batch); i++) {
		struct smudge_run run = smudge_batch_run(shadow->batch, i);

		memcpy(shadow->copy + run.first_page * 4096,
		       shadow->ram->hva + run.first_page * 4096,
		       run.npages * 4096);
		shadow->copied_pages += run.npages;
	}
	smudge_client_commit(shadow->client, shadow->batch);
}

static void copy_dirty(struct machine *machine, struct shadow *shadow)
{
	struct smudge_error err = {0};
	uint64_t npages = shadow->ram->size_bytes / 4096;
	uint64_t page = 0;

	must(smudge_memory_harvest(machine_memory(machine), &err), &err);
	while (page < npages) {
		must(smudge_client_take(shadow->client, shadow->ram->region,
					page, npages - page, shadow->batch,
					&err),
		     &err);
		page = smudge_batch_end_page(shadow->batch);
		copy_batch(shadow);
	}
}

static void open_shadow(struct machine *machine, struct shadow *shadow)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "test"};
	struct smudge_error err = {0};

	*shadow = (struct shadow){0};
	assert_int_equal(machine_ram(machine)->npieces, 1);
	shadow->ram = &machine_ram(machine)->pieces[0];
	shadow->copy = calloc(1, shadow->ram->size_bytes);
	assert_non_null(shadow->copy);
	must(smudge_batch_create(MAX_RUNS, &shadow->batch, NULL), &err);
	must(smudge_client_open(machine_memory(machine), &options,
				&shadow->client, &err),
	     &err);
}

static void close_shadow(struct shadow *shadow)
{
	assert_int_equal(smudge_client_close(shadow->client), 0);
	smudge_batch_destroy(shadow->batch);
	free(shadow->copy);
}

/* The client is opened and closed while the guest runs, twice. */
static void follow(struct vm_guest *guest)
{
	struct shadow shadow;
	uint64_t all_pages;
	unsigned int rounds = 0;

	open_shadow(guest->machine, &shadow);
	all_pages = shadow.ram->size_bytes / 4096;
	/* on a busy machine it takes more rounds until the guest has run */
	while (rounds < ROUNDS ||
	       (shadow.copied_pages <= all_pages && rounds < 100 * ROUNDS)) {
		copy_dirty(guest->machine, &shadow);
		usleep(20000);
		rounds++;
	}
	assert_true(machine_pause(guest->machine, MACHINE_PAUSED));
	copy_dirty(guest->machine, &shadow);
	assert_memory_equal(shadow.copy, shadow.ram->hva,
			    shadow.ram->size_bytes);
	/* the guest wrote, and not everything was copied each time */
	assert_true(shadow.copied_pages > all_pages);
	assert_true(shadow.copied_pages < (rounds + 1) * all_pages / 2);
	close_shadow(&shadow);
	assert_int_equal(machine_resume(guest->machine), 0);
}

static void track(const char *engine, const char *dirty)
{
	struct smudge_memory_stats stats = {.size = sizeof(stats)};
	struct smudge_code_stats code = {.size = sizeof(code)};
	struct vm_guest guest;

	vm_guest_need(engine);
	if (!strcmp(dirty, "uffd"))
		test_need_uffd();
	vm_guest_open(&guest, engine, dirty,
		      "working-set=2M rate=20000 pattern=random");
	machine_resume(guest.machine);
	vm_guest_wait_passes(&guest, 1);
	follow(&guest);
	follow(&guest);
	machine_pause(guest.machine, MACHINE_PAUSED);
	assert_int_equal(
		smudge_memory_stats(machine_memory(guest.machine), &stats), 0);
	assert_int_equal(stats.nsources_running, 0);
	if (machine_code(guest.machine))
		smudge_code_stats(machine_code(guest.machine), &code);
	assert_int_equal(stats.nclients, code.nclients);
	assert_int_equal(stats.bitmap_bytes, code.bitmap_bytes);
	assert_false(vm_guest_said(&guest, "scribble: error"));
	vm_guest_close(&guest);
}

/* What a guest runs: a store to *target_gpa, and an endless loop. */
struct program {
	uint64_t gpa;
	uint64_t target_gpa;
	size_t len;
	uint8_t code[40];
};

#define STORE_1                                                               \
	0xc7, 0x04, 0x25, TARGET_GPA & 0xff, TARGET_GPA >> 8 & 0xff,          \
		TARGET_GPA >> 16 & 0xff, TARGET_GPA >> 24 & 0xff, 1, 0, 0, 0, \
		0xeb, 0xfe

static const struct program plain = {CODE_GPA, TARGET_GPA, 13, {STORE_1}};

/* mov [rip + 1], esi; mov eax, constant: the block changes itself before */
static const struct program changing = {
	CODE_GPA,
	TARGET_GPA,
	24,
	{0x89, 0x35, 1, 0, 0, 0, 0xb8, 0, 0, 0, 0, STORE_1}};

/*
 * fld tbyte [the first 10]; fstp tbyte [rip + 1]. A store of two pieces: the
 * first changes the block, the second continues into the next page.
 */
static const struct program halves = {
	CODE_GPA + 0x1000 - 32,
	CODE_GPA + 0x1000,
	35,
	{0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xdb, 0x2d,
	 0xf0, 0xff, 0xff, 0xff, 0xdb, 0x3d, 1,	   0,	 0,    0,    0x90, 0x90,
	 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xf8, 0xeb, 0xfe}};

/* In low memory that is not used, in place of what the paused guest runs. */
static void inject(struct vm_guest *guest, const struct program *program)
{
	struct smudge_error err = {0};
	struct vm_buf buf = {0};

	memset(ram_at(machine_ram(guest->machine), program->target_gpa, 4), 0,
	       4);
	memcpy(ram_at(machine_ram(guest->machine), program->gpa, program->len),
	       program->code, program->len);
	must(machine_save_state(guest->machine, &buf, &err), &err);
	vm_buf_patch32(&buf, RIP_OFFSET, (uint32_t)program->gpa);
	must(machine_load_state(guest->machine, buf.bytes, buf.len, &err),
	     &err);
	vm_buf_free(&buf);
}

static void wait_for_store(struct vm_guest *guest,
			   const struct program *program, uint8_t before)
{
	const volatile uint8_t *target =
		ram_at(machine_ram(guest->machine), program->target_gpa, 1);

	while (*target == before) {
		assert_int_equal(machine_run_state(guest->machine),
				 MACHINE_RUNNING);
		usleep(1000);
	}
}

/* The very last store before a pause, with nothing after it to help. */
static void last_store_of(const char *engine, const char *dirty,
			  const struct program *program)
{
	uint64_t target = program->target_gpa / 4096;
	struct vm_guest guest;
	struct shadow shadow;
	uint8_t before;

	vm_guest_need(engine);
	if (!strcmp(dirty, "uffd"))
		test_need_uffd();
	vm_guest_open(&guest, engine, dirty, "working-set=64K");
	machine_resume(guest.machine);
	vm_guest_wait_passes(&guest, 1);
	machine_pause(guest.machine, MACHINE_PAUSED);
	open_shadow(guest.machine, &shadow);
	inject(&guest, program);
	before = *ram_at(machine_ram(guest.machine), program->target_gpa, 1);
	copy_dirty(guest.machine, &shadow);
	assert_false(
		smudge_client_test(shadow.client, shadow.ram->region, target));
	machine_resume(guest.machine);
	wait_for_store(&guest, program, before);
	machine_pause(guest.machine, MACHINE_PAUSED);
	must(smudge_memory_harvest(machine_memory(guest.machine), NULL),
	     &(struct smudge_error){0});
	assert_true(
		smudge_client_test(shadow.client, shadow.ram->region, target));
	close_shadow(&shadow);
	vm_guest_close(&guest);
}

static void last_store(const char *engine, const char *dirty)
{
	last_store_of(engine, dirty, &plain);
	last_store_of(engine, dirty, &changing);
}

static void test_last_store_kvm(void **state)
{
	last_store("kvm", "kvm-manual");
	last_store("kvm", "kvm-legacy");
	last_store("kvm", "kvm-ring");
}

static void test_last_store_uffd(void **state)
{
	last_store("unicorn", "uffd");
	last_store_of("unicorn", "uffd", &halves);
}

static void test_last_store_hook(void **state)
{
	last_store("unicorn", "hook");
	last_store_of("unicorn", "hook", &halves);
}

static void test_kvm_manual(void **state)
{
	track("kvm", "kvm-manual");
}

static void test_kvm_legacy(void **state)
{
	track("kvm", "kvm-legacy");
}

static void test_kvm_ring(void **state)
{
	track("kvm", "kvm-ring");
}

static void test_kvm_uffd(void **state)
{
	track("kvm", "uffd");
}

static void test_unicorn_uffd(void **state)
{
	track("unicorn", "uffd");
}

static void test_unicorn_hook(void **state)
{
	track("unicorn", "hook");
}

static void test_auto(void **state)
{
	track("auto", "auto");
}

TEST_MAIN(test_kvm_manual, test_kvm_legacy, test_kvm_ring, test_kvm_uffd,
	  test_unicorn_uffd, test_unicorn_hook, test_auto, test_last_store_kvm,
	  test_last_store_uffd, test_last_store_hook)
