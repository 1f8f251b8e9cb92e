/* SPDX-License-Identifier: MIT */
/*
 * Block devices that show no layer, a damaged one, or cannot be read: each has
 * its error, and nothing wrong is ever returned as right.
 */
#include <errno.h>
#include <string.h>

#include <smudge/layers.h>

#include "checkpoint/tail.h"
#include "common/little_endian.h"
#include "folder.h"
#include "memory_disk.h"
#include "moments.h"

#define PAGE 4096

static struct moments memory;
static struct memory_disk disk;
static size_t npages;

static int set_up(void **state)
{
	struct test_rng rng = test_rng_start("errors_live_read");

	if (folder_enter(state) < 0)
		return -1;
	moments_open(&memory, "chain");
	moments_change(&memory, &rng, false);
	moments_save(&memory, true);
	memory_disk_of_layer(&disk, memory.folder_fd, 1);
	npages = disk.disk.size_bytes / PAGE;
	return 0;
}

static int tear_down(void **state)
{
	memory_disk_close(&disk);
	moments_close(&memory);
	return folder_leave(state);
}

/* Opened and verified; what is right is compared. */
static int try(struct smudge_error *err)
{
	struct smudge_chain *chain;
	int ret = smudge_chain_open_disk(&disk.disk, &chain, err);

	assert_int_equal(err->code, ret);
	if (ret < 0)
		return ret;
	ret = smudge_chain_verify(chain, NULL, NULL, err);
	if (!ret)
		moment_check(&memory.now, chain);
	smudge_chain_close(chain);
	return ret;
}

static void expect(int expected, const char *sentence)
{
	struct smudge_error err;
	int ret = try(&err);

	if (ret != expected || !strstr(err.message, sentence))
		fail_msg("expected %d \"%s\", got %d \"%s\"", expected,
			 sentence, ret, err.message);
}

static void ops_are_checked(void **state)
{
	struct {
		struct smudge_disk_ops ops;
		uint64_t later;
	} later = {disk.ops, 1};

	disk.ops.size = 8;
	expect(-EINVAL, "smudge_disk_ops");
	disk.ops.size = sizeof(disk.ops);
	disk.ops.read = NULL;
	expect(-EINVAL, "read");
	disk.disk.ops = NULL;
	expect(-EINVAL, "smudge_disk_ops");
	later.ops.size = sizeof(later);
	disk.disk.ops = &later.ops;
	expect(-E2BIG, "smudge_disk_ops");
	later.later = 0;
	later.ops.write = NULL;
	later.ops.flush = NULL;
	expect(0, "");
}

static void an_empty_device(void **state)
{
	disk.disk.size_bytes = 0;
	expect(-ENODATA, "no layer");
	disk.disk.size_bytes = 4095;
	expect(-ENODATA, "no layer");
	disk.disk.size_bytes = 4096;
	expect(-ENODATA, "cut off");
}

static void a_torn_image(void **state)
{
	memset(disk.bytes + (npages - 1) * PAGE, 0, PAGE);
	expect(-ENODATA, "cut off, or there never was one");
}

static void a_device_of_another_length(void **state)
{
	disk.disk.size_bytes -= PAGE;
	expect(-ENODATA, "no layer");
}

static void a_later_version(void **state)
{
	uint8_t *footer = disk.bytes + (npages - 1) * PAGE;
	struct smi_qcow2_digest sum;

	footer[8] = 9;
	sum = smi_tail_checksum(footer, 4080);
	little_endian_put(footer + 4080, sum.low, 8);
	little_endian_put(footer + 4088, sum.high, 8);
	expect(-EPROTONOSUPPORT, "version 9");
}

static int fail_read(void *opaque, uint64_t offset, void *bytes, size_t length,
		     struct smudge_error *err)
{
	return *(int *)opaque;
}

/* What read returns is what the call returns; what is no errno is -EIO. */
static void a_read_that_fails(void **state)
{
	static const int codes[] = {-EIO, -ENOTCONN, -ECANCELED, 1, -5000};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		int code = codes[i];
		struct smudge_chain *chain;
		struct smudge_error err;

		disk.ops.read = fail_read;
		disk.disk.disk = &code;
		assert_int_equal(
			smudge_chain_open_disk(&disk.disk, &chain, &err),
			code < 0 && code > -4096 ? code : -EIO);
		assert_int_not_equal(err.message[0], 0);
	}
}

/* Any bit: it is found, or no page of the moment is another. */
static void a_flipped_bit(void **state)
{
	struct test_rng rng = test_rng_start("errors_live_read bits");

	for (unsigned int i = 0; i < test_rounds(200); i++) {
		uint64_t at = test_rng_below(&rng, npages * PAGE);
		uint8_t bit = 1U << test_rng_below(&rng, 8);
		struct smudge_error err;
		int ret;

		/* More often where the tables and the tail are. */
		if (i % 2)
			at = npages * PAGE - 1 - at % (16 * PAGE);
		disk.bytes[at] ^= bit;
		ret = try(&err);
		if (ret && ret != -EBADMSG && ret != -ENODATA)
			fail_msg("bit at %ju: %d %s", (uintmax_t)at, ret,
				 err.message);
		disk.bytes[at] ^= bit;
	}
	expect(0, "");
}

TEST_MAIN_WITH(set_up, tear_down, ops_are_checked, an_empty_device,
	       a_torn_image, a_device_of_another_length, a_later_version,
	       a_read_that_fails, a_flipped_bit)
