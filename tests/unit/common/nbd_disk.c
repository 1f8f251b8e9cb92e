/* SPDX-License-Identifier: MIT */
/*
 * What several threads write and zero is what is read, also over another
 * connection, with servers of several kinds.
 */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/nbd_uri.h"
#include "folder.h"
#include "nbd_server.h"

#define DISK_BYTES  (UINT64_C(32) << 20)
#define NTHREADS    4
#define SHARE_BYTES (DISK_BYTES / NTHREADS)
#define PAGE_BYTES  4096
#define SHARE_PAGES (SHARE_BYTES / PAGE_BYTES)
#define MAX_PAGES   1024

struct writer {
	struct smudge_disk disk;
	uint8_t *shadow; /* of its share */
	uint64_t offset;
	struct test_rng rng;
	pthread_t thread;
	int ret;
};

static int change(struct writer *writer)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	const struct smudge_disk *disk = &writer->disk;
	uint64_t first = test_rng_below(&writer->rng, SHARE_PAGES);
	uint64_t n = 1 + test_rng_below(&writer->rng, MAX_PAGES);
	uint64_t at;
	int ret;

	if (n > SHARE_PAGES - first)
		n = SHARE_PAGES - first;
	at = first * PAGE_BYTES;
	if (test_rng_below(&writer->rng, 3)) {
		memset(writer->shadow + at, (int)test_rng_next(&writer->rng),
		       n * PAGE_BYTES);
		return disk->ops->write(disk->disk, writer->offset + at,
					writer->shadow + at, n * PAGE_BYTES,
					&err);
	}
	memset(writer->shadow + at, 0, n * PAGE_BYTES);
	ret = disk->ops->zero(disk->disk, writer->offset + at, n * PAGE_BYTES,
			      &err);
	if (ret != -EOPNOTSUPP)
		return ret;
	return disk->ops->write(disk->disk, writer->offset + at,
				writer->shadow + at, n * PAGE_BYTES, &err);
}

static void *write_much(void *opaque)
{
	struct writer *writer = opaque;

	for (int i = 0; !writer->ret && i < 40; i++)
		writer->ret = change(writer);
	return NULL;
}

static void check_content(struct nbd_disk *nbd, const uint8_t *shadow)
{
	struct smudge_disk disk = nbd_disk_device(nbd);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint8_t *found = malloc(DISK_BYTES);

	assert_non_null(found);
	assert_int_equal(disk.ops->read(disk.disk, 0, found, DISK_BYTES, &err),
			 0);
	assert_memory_equal(found, shadow, DISK_BYTES);
	free(found);
}

static void write_all(struct nbd_disk *nbd, uint8_t *shadow,
		      struct test_rng *rng)
{
	struct writer writers[NTHREADS];

	for (size_t i = 0; i < NTHREADS; i++) {
		writers[i] = (struct writer){
			.disk = nbd_disk_device(nbd),
			.shadow = shadow + i * SHARE_BYTES,
			.offset = i * SHARE_BYTES,
			.rng.state = test_rng_next(rng),
		};
		pthread_create(&writers[i].thread, NULL, write_much,
			       &writers[i]);
	}
	for (size_t i = 0; i < NTHREADS; i++) {
		pthread_join(writers[i].thread, NULL);
		assert_int_equal(writers[i].ret, 0);
	}
}

static void check_server(const char *arguments)
{
	pid_t pid = nbd_server_start(arguments);
	struct test_rng rng = test_rng_start("nbd_disk");
	struct nbd_disk *nbd = nbd_server_open(0);
	struct nbd_disk *other;
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_disk disk = nbd_disk_device(nbd);
	uint8_t *shadow = calloc(1, DISK_BYTES);
	bool is_new = true;

	assert_int_equal(disk.size_bytes, DISK_BYTES);
	write_all(nbd, shadow, &rng);
	assert_int_equal(disk.ops->flush(disk.disk, &err), 0);
	assert_int_equal(nbd_disk_renew(nbd, &is_new, &err), 0);
	assert_false(is_new);
	check_content(nbd, shadow);
	other = nbd_server_open(0);
	check_content(other, shadow);
	nbd_disk_close(other);
	nbd_disk_close(nbd);
	free(shadow);
	nbd_server_kill(pid);
}

static void test_several_connections(void **state)
{
	check_server("memory 32M");
}

static void test_one_connection(void **state)
{
	check_server("--filter=multi-conn memory 32M multi-conn-mode=disable");
}

static void test_no_write_zeroes(void **state)
{
	check_server("--filter=nozero memory 32M zeromode=none");
}

static void test_blocks_of_a_page(void **state)
{
	check_server("--filter=blocksize-policy memory 32M "
		     "blocksize-minimum=4096 blocksize-preferred=4096 "
		     "blocksize-maximum=1M blocksize-error-policy=error");
}

static void test_uris(void **state)
{
	assert_true(nbd_uri_is("nbd://host/export"));
	assert_true(nbd_uri_is("nbds+unix:///?socket=x"));
	assert_false(nbd_uri_is("nbd:/folder"));
	assert_false(nbd_uri_is("./nbd://folder"));
	assert_false(nbd_uri_is("folder/nbd://"));
	assert_false(nbd_uri_is(""));
}

TEST_MAIN_WITH(folder_enter, folder_leave, test_uris, test_several_connections,
	       test_one_connection, test_no_write_zeroes, test_blocks_of_a_page)
