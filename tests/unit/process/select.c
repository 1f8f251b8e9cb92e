/* SPDX-License-Identifier: MIT */
/*
 * Which mappings become one range, and which ranges are selected: over texts
 * that a process might have.
 */
#include <errno.h>
#include <string.h>

#include "process/wanted.h"
#include "ram_cases.h"
#include "support.h"

#define LIB   "08:01 7 /lib/a.so\n"
#define ANON  "00:00 0 \n"
#define MEMFD "00:01 99 /memfd:ram (deleted)\n"

static struct smi_wanted_list wanted;
static struct smi_process_maps maps;

static void find(struct smudge_process *process, const char *text)
{
	assert_int_equal(
		smi_process_maps_parse(strdup(text), strlen(text), &maps), 0);
	assert_int_equal(smi_wanted_find(process, &maps, &wanted), 0);
}

static void done(void)
{
	smi_wanted_free(&wanted);
	smi_process_maps_free(&maps);
}

static void expect(size_t i, uint64_t start, uint64_t end)
{
	assert_true(i < wanted.n);
	assert_int_equal(wanted.list[i].start, start);
	assert_int_equal(wanted.list[i].end, end);
}

static void neighbours_of_one_object(void **state)
{
	struct smudge_process process = {.select = SMUDGE_PROCESS_ALL};

	find(&process,
	     "10000-11000 rw-p 00000000 " LIB
	     "11000-12000 rwxp 00001000 " LIB /* continues */
	     "12000-13000 rw-p 00009000 " LIB /* elsewhere in it */
	     "13000-14000 rw-s 0000a000 " LIB /* shared */
	     "14000-15000 rw-p 00000000 " ANON "15000-16000 rwxp 00000000 " ANON
	     "16000-17000 rw-p 00000000 00:00 0 [heap]\n"
	     "18000-19000 rw-p 00000000 00:00 0 [heap]\n"
	     "19000-1a000 r--p 00000000 " ANON
	     "1a000-1b000 ---p 00000000 " ANON);
	assert_int_equal(wanted.n, 6);
	expect(0, 0x10000, 0x12000);
	expect(1, 0x12000, 0x13000);
	expect(2, 0x13000, 0x14000);
	expect(3, 0x14000, 0x16000);
	expect(4, 0x16000, 0x17000);
	expect(5, 0x18000, 0x19000);
	done();
}

static void by_name(void **state)
{
	struct smudge_process process = {.select = SMUDGE_PROCESS_NAMED,
					 .pattern = (char *)"/memfd:*m"};
	const char *text = "10000-11000 rw-p 00000000 " LIB
			   "20000-21000 rw-s 00000000 " MEMFD
			   "30000-31000 rw-p 00000000 00:00 0 [heap]\n";

	find(&process, text);
	assert_int_equal(wanted.n, 1);
	expect(0, 0x20000, 0x21000);
	done();
	process.pattern = (char *)"*";
	find(&process, text);
	assert_int_equal(wanted.n, 3);
	done();
	process.pattern = (char *)"/lib";
	find(&process, text);
	assert_int_equal(wanted.n, 0);
	done();
	/* as a pattern it is one of four letters */
	process.pattern = (char *)"[heap]";
	find(&process, text);
	assert_int_equal(wanted.n, 1);
	expect(0, 0x30000, 0x31000);
	done();
	process.pattern = (char *)"/memfd:ram (deleted)";
	find(&process, text);
	assert_int_equal(wanted.n, 1);
	done();
}

static void by_address(void **state)
{
	struct smudge_process process = {.select = SMUDGE_PROCESS_RANGE,
					 .first_address = 0x20fff,
					 .end_address = 0x30001};

	find(&process,
	     "10000-20000 rw-p 00000000 " LIB "20000-21000 rw-s 00000000 " MEMFD
	     "30000-31000 rw-p 00000000 00:00 0 [heap]\n"
	     "31000-32000 rw-p 00000000 " ANON);
	assert_int_equal(wanted.n, 2);
	expect(0, 0x20000, 0x21000);
	expect(1, 0x30000, 0x31000);
	done();
}

static void guest_ram(void **state)
{
	struct smudge_process process = {.select = SMUDGE_PROCESS_GUEST_RAM};

	for (size_t i = 0; i < sizeof(ram_cases) / sizeof(ram_cases[0]); i++) {
		const struct ram_case *c = &ram_cases[i];

		find(&process, c->text);
		if (wanted.n != c->nranges)
			fail_msg("%d: %s", (int)wanted.n, c->what);
		for (size_t r = 0; r < c->nranges; r++) {
			if (wanted.list[r].start != c->ranges[r].start ||
			    wanted.list[r].end != c->ranges[r].end ||
			    wanted.list[r].reason)
				fail_msg("%s", c->what);
		}
		done();
	}
	/* all of a small guest's */
	find(&process, "100000000-100100000 rw-p 00000000 " ANON
		       "100100000-100200000 rw-p 00000000 " ANON);
	assert_int_equal(wanted.n, 1);
	expect(0, 0x100000000, 0x100200000);
	done();
}

/* Pieces that it is cut into later stay, and nothing joins it. */
static void guest_ram_in_pieces(void **state)
{
	struct smi_attachment attachment = {0};
	struct smi_area area = {.attachment = &attachment,
				.start = 0x100000000,
				.end = 0x104000000,
				.name = ""};
	struct smi_area *areas[] = {&area};
	struct smudge_process process = {.select = SMUDGE_PROCESS_GUEST_RAM,
					 .attachment = &attachment,
					 .areas = areas,
					 .nareas = 1};

	find(&process, "ff800000-100000000 rw-p 00000000 " ANON
		       "100000000-100400000 rw-p 00000000 " ANON
		       "100400000-103c00000 rwxp 00000000 " ANON
		       "103c00000-104000000 rw-p 00000000 " ANON
		       "104000000-104100000 rw-p 00000000 " ANON);
	assert_int_equal(wanted.n, 1);
	expect(0, 0x100000000, 0x104000000);
	done();
}

static void what_cannot_be_tracked(void **state)
{
	struct smudge_process process = {.select = SMUDGE_PROCESS_ALL};

	find(&process, "10000-11000 rw-s 00000000 00:06 5 /dev/dri/card0\n"
		       "20000-21000 rw-s 00000000 00:01 5 /dev/shm/x\n"
		       "30000-31000 rw-s 00000000 00:01 5 /dev/zero (deleted)\n"
		       "40000-41000 rw-s 00000000 00:0e 5 "
		       "anon_inode:[io_uring]\n"
		       "50000-51000 rw-s 00000000 00:10 5 /[aio] (deleted)\n"
		       "60000-61000 rw-s 00000000 00:11 5 /secretmem "
		       "(deleted)\n"
		       "100000000000-110000000000 rw-p 00000000 " ANON);
	assert_int_equal(wanted.n, 7);
	assert_non_null(wanted.list[0].reason);
	assert_null(wanted.list[1].reason);
	assert_null(wanted.list[2].reason);
	assert_non_null(wanted.list[3].reason);
	assert_non_null(wanted.list[4].reason);
	assert_non_null(wanted.list[5].reason);
	assert_non_null(wanted.list[6].reason);
	done();
}

/* What is too large stays out by itself. */
static void neighbours_of_what_is_too_large(void **state)
{
	struct smudge_process process = {.select = SMUDGE_PROCESS_ALL};

	find(&process, "fffff000-100000000 rw-p 00000000 " ANON
		       "100000000-5000000000 rw-p 00000000 " ANON
		       "5000000000-5000001000 rw-p 00000000 " ANON);
	assert_int_equal(wanted.n, 3);
	expect(0, 0xfffff000, 0x100000000);
	expect(2, 0x5000000000, 0x5000001000);
	assert_null(wanted.list[0].reason);
	assert_non_null(wanted.list[1].reason);
	assert_null(wanted.list[2].reason);
	done();
}

TEST_MAIN(neighbours_of_one_object, by_name, by_address, guest_ram,
	  guest_ram_in_pieces, what_cannot_be_tracked,
	  neighbours_of_what_is_too_large)
