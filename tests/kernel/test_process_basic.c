/* SPDX-License-Identifier: MIT */
/*
 * Another process: its writes, by page, in plain mappings; what it reads;
 * looks; its child's writes; what is left when it is let go.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "process_rig.h"
#include "support.h"

#define NPAGES 64
#define BYTES  ((uint64_t)NPAGES * RIG_PAGE)
#define RW     (PROT_READ | PROT_WRITE)
#define ANON   (MAP_PRIVATE | MAP_ANONYMOUS)

static const struct smudge_process_options by_uffd = {
	.size = sizeof(by_uffd), .method = SMUDGE_PROCESS_UFFD};

static struct process_rig rig;
static uint64_t at;

/* A mapping with nothing beside it. */
static uint64_t map_alone(int flags, int fd)
{
	uint64_t room =
		rig_mmap(&rig, 0, BYTES + (2 << 20), PROT_NONE, ANON, -1);

	return rig_mmap(&rig, room + (1 << 20), BYTES, RW, flags | MAP_FIXED,
			fd);
}

static void open_rig(int flags, bool is_file)
{
	process_rig_start(&rig);
	at = map_alone(flags, is_file ? rig_memfd(&rig, BYTES) : -1);
	for (int i = 0; i < NPAGES; i += 2)
		rig_store(&rig, at + (uint64_t)i * RIG_PAGE, 1);
	process_rig_track(&rig, &by_uffd);
	rig_harvest(&rig);
	rig_clean(&rig);
}

static void expect_writes(void)
{
	rig_store(&rig, at + 3 * RIG_PAGE, 7);
	rig_store(&rig, at + 40 * RIG_PAGE, 8);
	rig_load(&rig, at + 20 * RIG_PAGE);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 2);
	assert_true(rig_is_dirty(&rig, at + 3 * RIG_PAGE));
	assert_true(rig_is_dirty(&rig, at + 40 * RIG_PAGE));
	rig_clean(&rig);
	assert_int_equal(rig_read(&rig, at + 3 * RIG_PAGE + 5), 7);
	assert_int_equal(rig_read(&rig, at + 40 * RIG_PAGE), 8);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 0);
}

static void anonymous(void **state)
{
	open_rig(ANON, false);
	expect_writes();
	process_rig_stop(&rig);
}

static void shared_memfd(void **state)
{
	open_rig(MAP_SHARED, true);
	expect_writes();
	process_rig_stop(&rig);
}

static void private_memfd(void **state)
{
	open_rig(MAP_PRIVATE, true);
	expect_writes();
	process_rig_stop(&rig);
}

/* The kernel's only sign of it is in smaps. */
static bool is_registered(pid_t pid)
{
	char name[64], line[512];
	bool found = false;
	FILE *smaps;

	snprintf(name, sizeof(name), "/proc/%d/smaps", (int)pid);
	smaps = fopen(name, "re");
	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps))
		found |= !strncmp(line, "VmFlags:", 8) && strstr(line, " uw");
	fclose(smaps);
	return found;
}

static void nothing_is_left(void **state)
{
	open_rig(ANON, false);
	assert_true(is_registered(rig.pid));
	assert_int_equal(smudge_client_close(rig.client), 0);
	rig.client = NULL;
	assert_false(is_registered(rig.pid));
	assert_int_equal(smudge_process_close(rig.process, NULL), 0);
	rig.process = NULL;
	assert_int_equal(smudge_memory_regions(rig.memory, NULL, 0), 0);
	assert_false(is_registered(rig.pid));
	process_rig_stop(&rig);
}

static void look_reports_again(void **state)
{
	open_rig(ANON, false);
	rig_store(&rig, at, 5);
	for (int i = 0; i < 3; i++) {
		rig_look(&rig);
		assert_int_equal(rig_count(&rig, at, BYTES), 1);
		rig_clean(&rig);
	}
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 1);
	rig_clean(&rig);
	rig_look(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 0);
	process_rig_stop(&rig);
}

static void a_childs_writes_are_its_own(void **state)
{
	open_rig(ANON, false);
	rig_fork_store(&rig, at + 2 * RIG_PAGE);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 0);
	assert_int_equal(rig_read(&rig, at + 2 * RIG_PAGE), 1);
	rig_store(&rig, at + 2 * RIG_PAGE, 9);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 1);
	process_rig_stop(&rig);
}

static void region_is_of_the_process(void **state)
{
	struct smudge_region *region;
	struct smudge_error err = SMUDGE_ERROR_INIT;
	char name[64];

	open_rig(MAP_SHARED, true);
	region = rig_region(&rig, at);
	assert_null(smudge_region_hva(region));
	assert_int_equal(smudge_region_gpa(region), at);
	assert_int_equal(smudge_region_npages(region), NPAGES);
	snprintf(name, sizeof(name), "%llx /memfd:rig (deleted)",
		 (unsigned long long)at);
	assert_string_equal(smudge_region_name(region), name);
	assert_int_equal(smudge_region_discard(region, 0, 1, -1, &err),
			 -EOPNOTSUPP);
	process_rig_stop(&rig);
}

TEST_MAIN(anonymous, shared_memfd, private_memfd, nothing_is_left,
	  look_reports_again, a_childs_writes_are_its_own,
	  region_is_of_the_process)
