/* SPDX-License-Identifier: MIT */
/*
 * Processes that cannot be opened: nothing matches, what was asked for is
 * another userfaultfd's or a device's, a region is in the way, there are too
 * many mappings, the process has ended. The memory is as before each time.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "process_rig.h"
#include "support.h"

#define P    ((uint64_t)RIG_PAGE)
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static struct process_rig rig;

static void open_rig(void)
{
	test_need_uffd();
	process_rig_start(&rig);
}

static void close_rig(void)
{
	process_rig_stop(&rig);
}

static void expect(struct smudge_process_options o, int code,
		   const char *sentence)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_process *process = NULL;
	size_t before = smudge_memory_regions(rig.memory, NULL, 0);
	int ret;

	o.size = sizeof(o);
	o.method = SMUDGE_PROCESS_UFFD;
	ret = smi_process_open(rig.memory, rig.pid, &o, &process_rig_means,
			       &process, &err);
	assert_int_equal(ret, code);
	assert_int_equal(err.code, code);
	if (!strstr(err.message, sentence))
		fail_msg("%s", err.message);
	assert_null(process);
	assert_int_equal(smudge_memory_regions(rig.memory, NULL, 0), before);
}

static void nothing_matches(void)
{
	expect((struct smudge_process_options){.select = SMUDGE_PROCESS_NAMED,
					       .pattern = "/no such*"},
	       -ENOENT, "no mapping that may be written");
	expect((struct smudge_process_options){.select = SMUDGE_PROCESS_RANGE,
					       .first_address = 0,
					       .end_address = 1},
	       -ENOENT, "no mapping that may be written");
}

static void another_userfaultfd(void)
{
	uint64_t room = rig_mmap(&rig, 0, 16 * P, PROT_NONE, ANON, -1);
	uint64_t at =
		rig_mmap(&rig, room + 4 * P, 4 * P, RW, ANON | MAP_FIXED, -1);

	rig_own_uffd(&rig, at, 4 * P);
	expect((struct smudge_process_options){.select = SMUDGE_PROCESS_RANGE,
					       .first_address = at,
					       .end_address = at + P},
	       -EBUSY, "userfaultfd of the process's own");
}

static void too_large(void)
{
	uint64_t at = rig_mmap(&rig, 0, UINT64_C(300) << 30, RW,
			       ANON | MAP_NORESERVE, -1);

	expect((struct smudge_process_options){.select = SMUDGE_PROCESS_RANGE,
					       .first_address = at,
					       .end_address = at + P},
	       -EOPNOTSUPP, "it is larger than 256 GiB");
}

static int read_nothing(void *opaque, uint64_t offset_bytes,
			size_t length_bytes, void *buffer,
			struct smudge_error *err)
{
	return -EIO;
}

static void a_region_in_the_way(void)
{
	uint64_t at = rig_mmap(&rig, 0, 16 * P, RW, ANON, -1);
	const struct smudge_region_options o = {.size = sizeof(o),
						.name = "other",
						.gpa = at + P,
						.size_bytes = P,
						.read = read_nothing};
	struct smudge_region *region;

	assert_int_equal(smudge_region_add(rig.memory, &o, &region, NULL), 0);
	expect((struct smudge_process_options){.select = SMUDGE_PROCESS_ALL},
	       -EEXIST, "another region of the memory is there");
	assert_int_equal(smudge_region_remove(region, NULL), 0);
}

static void too_many_mappings(void)
{
	uint64_t n = SMUDGE_MAX_REGIONS + 10;
	uint64_t room = rig_mmap(&rig, 0, 2 * n * P, PROT_NONE, ANON, -1);

	for (uint64_t i = 0; i < n; i++)
		rig_mprotect(&rig, room + 2 * i * P, P, RW);
	expect((struct smudge_process_options){.select = SMUDGE_PROCESS_ALL},
	       -ENOSPC, "as many regions as it may");
}

static void has_ended(void)
{
	rig_exit(&rig);
	expect((struct smudge_process_options){.select = SMUDGE_PROCESS_ALL},
	       -ESRCH, "");
}

RIG_CASE(nothing_matches)
RIG_CASE(another_userfaultfd)
RIG_CASE(too_large)
RIG_CASE(a_region_in_the_way)
RIG_CASE(too_many_mappings)
RIG_CASE(has_ended)

RIG_MAIN(case_nothing_matches, case_another_userfaultfd, case_too_large,
	 case_a_region_in_the_way, case_too_many_mappings, case_has_ended)
