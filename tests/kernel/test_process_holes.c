/* SPDX-License-Identifier: MIT */
/*
 * Reading another process's shared memory does not fill its holes: they are
 * zeros, and stay holes. Content is read wherever it lies, also what came
 * since.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "process_rig.h"
#include "support.h"

#define NPAGES 1024
#define BYTES  ((uint64_t)NPAGES * RIG_PAGE)

static struct process_rig rig;
static uint64_t at;
static int memfd;
static uint8_t buffer[BYTES];

/* Soft-dirty bits do not tell what is written to shared memory. */
static void open_rig(void)
{
	test_need_uffd();
	process_rig_start(&rig);
	memfd = rig_memfd(&rig, BYTES);
	at = rig_mmap(&rig, 0, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		      memfd);
}

static void close_rig(void)
{
	process_rig_stop(&rig);
}

static void track(void)
{
	const struct smudge_process_options options = {
		.size = sizeof(options),
		.select = SMUDGE_PROCESS_RANGE,
		.first_address = at,
		.end_address = at + BYTES,
	};

	process_rig_track(&rig, &options);
}

/* Pages that the memory has. */
static uint64_t count_pages(void)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)rig.pid, memfd);
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512 / RIG_PAGE;
}

static void read_all(void)
{
	memset(buffer, 0xff, sizeof(buffer));
	assert_int_equal(smudge_region_read(rig_region(&rig, at), 0, NPAGES,
					    buffer, NULL),
			 0);
}

/* All bytes of the pages of @values that are not 0 have them; others are 0. */
static void assert_content(const uint8_t *values)
{
	for (uint64_t i = 0; i < BYTES; i++)
		if (buffer[i] != values[i / RIG_PAGE])
			fail_msg("byte %llu is %u", (unsigned long long)i,
				 buffer[i]);
}

static void holes_stay_holes(void)
{
	uint8_t values[NPAGES] = {[0] = 1, [1] = 2, [500] = 3, [1022] = 4};

	for (uint64_t i = 0; i < NPAGES; i++)
		if (values[i])
			rig_store(&rig, at + i * RIG_PAGE, values[i]);
	track();
	read_all();
	assert_content(values);
	assert_int_equal(count_pages(), 4);
}

static void memory_of_holes_alone(void)
{
	uint8_t values[NPAGES] = {0};

	track();
	read_all();
	assert_content(values);
	assert_int_equal(count_pages(), 0);
}

static void what_came_since_is_read(void)
{
	uint8_t values[NPAGES] = {[7] = 1};

	rig_store(&rig, at + (uint64_t)7 * RIG_PAGE, 1);
	track();
	read_all();
	values[8] = 5;
	values[900] = 6;
	rig_store(&rig, at + (uint64_t)8 * RIG_PAGE, 5);
	rig_store(&rig, at + (uint64_t)900 * RIG_PAGE, 6);
	read_all();
	assert_content(values);
	rig_harvest(&rig);
	assert_true(rig_is_dirty(&rig, at + (uint64_t)900 * RIG_PAGE));
	assert_int_equal(count_pages(), 3);
}

static void a_piece_of_the_file(void)
{
	uint8_t values[NPAGES] = {[3] = 9};
	uint64_t begin = at;

	rig_munmap(&rig, at, (uint64_t)100 * RIG_PAGE);
	at += (uint64_t)100 * RIG_PAGE;
	rig_store(&rig, at + (uint64_t)3 * RIG_PAGE, 9);
	track();
	memset(buffer, 0, sizeof(buffer));
	assert_int_equal(smudge_region_read(rig_region(&rig, at), 0,
					    NPAGES - 100, buffer, NULL),
			 0);
	assert_content(values);
	assert_int_equal(count_pages(), 1);
	at = begin;
}

RIG_CASE(holes_stay_holes)
RIG_CASE(memory_of_holes_alone)
RIG_CASE(what_came_since_is_read)
RIG_CASE(a_piece_of_the_file)

RIG_MAIN(case_holes_stay_holes, case_memory_of_holes_alone,
	 case_what_came_since_is_read, case_a_piece_of_the_file)
