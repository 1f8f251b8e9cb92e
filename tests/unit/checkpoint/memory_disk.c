/* SPDX-License-Identifier: MIT */
/*
 * The device.
 */
#include "memory_disk.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096

/* cmocka's own would leave a thread that is not its. */
static void need(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "memory_disk: %s\n", what);
	abort();
}

static void need_range(const struct memory_disk *d, uint64_t offset,
		       uint64_t length)
{
	need(offset % PAGE == 0 && length % PAGE == 0 && length,
	     "a range of parts of pages");
	need(offset <= d->disk.size_bytes &&
		     length <= d->disk.size_bytes - offset,
	     "a range beyond the device");
}

/* The lock is held. Return: its place. */
static size_t enter(struct memory_disk *d, uint64_t offset, uint64_t length)
{
	size_t at = MEMORY_DISK_IN_FLIGHT;

	need_range(d, offset, length);
	for (size_t i = 0; i < MEMORY_DISK_IN_FLIGHT; i++) {
		if (!d->in_flight[i].end)
			at = i;
		need(d->is_shared || d->in_flight[i].end <= offset ||
			     d->in_flight[i].offset >= offset + length,
		     "two calls at once on the same range");
	}
	need(at < MEMORY_DISK_IN_FLIGHT, "too many calls at once");
	d->in_flight[at].offset = offset;
	d->in_flight[at].end = offset + length;
	return at;
}

/* Others may come between. The lock is held, but for that moment. */
static void linger(struct memory_disk *d)
{
	bool is_long = d->nwrites % 8 == 0;

	pthread_mutex_unlock(&d->lock);
	if (is_long)
		usleep(50);
	else
		sched_yield();
	pthread_mutex_lock(&d->lock);
}

/* The lock is held. */
static int hang(struct memory_disk *d)
{
	unsigned int generation = d->generation;

	d->nhanging++;
	d->nhung++;
	pthread_cond_broadcast(&d->changed);
	while (generation == d->generation)
		pthread_cond_wait(&d->changed, &d->lock);
	d->nhanging--;
	pthread_cond_broadcast(&d->changed);
	return -ECANCELED;
}

/* What the call is to do. The lock is held. */
static int next_call(struct memory_disk *d)
{
	uint64_t call = ++d->ncalls;

	if (d->hang_at && call == d->hang_at)
		return hang(d);
	return d->fail.at && call >= d->fail.at ? d->fail.code : 0;
}

static int said(int ret, struct smudge_error *err)
{
	return ret ? smudge_error_set(err, ret, "memory", "made to fail: %d",
				      ret)
		   : 0;
}

static int read_some(void *opaque, uint64_t offset, void *bytes, size_t length,
		     struct smudge_error *err)
{
	struct memory_disk *d = opaque;
	int ret = 0;

	pthread_mutex_lock(&d->lock);
	need_range(d, offset, length);
	d->nreads++;
	if (d->hangs_reads)
		ret = hang(d);
	if (!ret)
		memcpy(bytes, d->bytes + offset, length);
	pthread_mutex_unlock(&d->lock);
	return said(ret, err);
}

/* What fails may have done a part. @bytes NULL: zeros. */
static void change(struct memory_disk *d, uint64_t offset, const void *bytes,
		   uint64_t length, int failure)
{
	if (failure)
		length = length / PAGE / 2 * PAGE;
	if (bytes)
		memcpy(d->bytes + offset, bytes, length);
	else
		memset(d->bytes + offset, 0, length);
}

static int write_some(void *opaque, uint64_t offset, const void *bytes,
		      size_t length, struct smudge_error *err)
{
	struct memory_disk *d = opaque;
	size_t at;
	int ret;

	need((uintptr_t)bytes % PAGE == 0, "a buffer within a page");
	pthread_mutex_lock(&d->lock);
	at = enter(d, offset, length);
	d->nwrites++;
	if (length > d->max_write_bytes)
		d->max_write_bytes = length;
	linger(d);
	ret = next_call(d);
	change(d, offset, bytes, length, ret);
	d->in_flight[at].end = 0;
	pthread_mutex_unlock(&d->lock);
	return said(ret, err);
}

static int zero_some(void *opaque, uint64_t offset, uint64_t length,
		     struct smudge_error *err)
{
	struct memory_disk *d = opaque;
	size_t at;
	int ret;

	pthread_mutex_lock(&d->lock);
	at = enter(d, offset, length);
	d->nzeros++;
	if (length > d->max_zero_bytes)
		d->max_zero_bytes = length;
	linger(d);
	ret = next_call(d);
	change(d, offset, NULL, length, ret);
	d->in_flight[at].end = 0;
	pthread_mutex_unlock(&d->lock);
	return said(ret, err);
}

static int flush(void *opaque, struct smudge_error *err)
{
	struct memory_disk *d = opaque;
	int ret;

	pthread_mutex_lock(&d->lock);
	d->nflushes++;
	ret = next_call(d);
	if (!ret && !d->lies)
		memcpy(d->stable, d->bytes, d->disk.size_bytes);
	pthread_mutex_unlock(&d->lock);
	return said(ret, err);
}

static void cancel(void *opaque)
{
	struct memory_disk *d = opaque;

	pthread_mutex_lock(&d->lock);
	d->ncancels++;
	if (!d->is_deaf) {
		d->generation++;
		pthread_cond_broadcast(&d->changed);
	}
	pthread_mutex_unlock(&d->lock);
}

static const struct smudge_disk_ops all_ops = {
	.size = sizeof(all_ops),
	.read = read_some,
	.write = write_some,
	.zero = zero_some,
	.flush = flush,
	.cancel = cancel,
};

void memory_disk_open(struct memory_disk *d, uint64_t size_bytes, uint64_t seed)
{
	struct test_rng rng = {seed};

	*d = (struct memory_disk){.ops = all_ops};
	d->disk = (struct smudge_disk){&d->ops, d, size_bytes};
	d->bytes = calloc(1, size_bytes);
	d->stable = calloc(1, size_bytes);
	need(d->bytes && d->stable, "out of memory");
	for (uint64_t i = 0; seed && i + 8 <= size_bytes; i += 8) {
		uint64_t value = test_rng_next(&rng);

		memcpy(d->bytes + i, &value, 8);
	}
	memcpy(d->stable, d->bytes, size_bytes);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
}

void memory_disk_close(struct memory_disk *d)
{
	memory_disk_release(d);
	memory_disk_wait_returned(d);
	free(d->bytes);
	free(d->stable);
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
}

void memory_disk_release(struct memory_disk *d)
{
	pthread_mutex_lock(&d->lock);
	d->generation++;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

void memory_disk_wait_hanging(struct memory_disk *d)
{
	pthread_mutex_lock(&d->lock);
	while (!d->nhanging)
		pthread_cond_wait(&d->changed, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

void memory_disk_wait_returned(struct memory_disk *d)
{
	pthread_mutex_lock(&d->lock);
	while (d->nhanging)
		pthread_cond_wait(&d->changed, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

void memory_disk_heal(struct memory_disk *d)
{
	memory_disk_release(d);
	pthread_mutex_lock(&d->lock);
	d->fail = (struct memory_disk_when){0};
	d->hang_at = 0;
	d->is_deaf = d->hangs_reads = false;
	d->ncalls = d->nwrites = d->nzeros = d->nflushes = d->ncancels =
		d->nhung = 0;
	pthread_mutex_unlock(&d->lock);
}

void memory_disk_cut(struct memory_disk *d, struct test_rng *rng)
{
	for (uint64_t at = 0; at + PAGE <= d->disk.size_bytes; at += PAGE) {
		bool is_written = test_rng_below(rng, 2);

		memcpy(is_written ? d->stable + at : d->bytes + at,
		       is_written ? d->bytes + at : d->stable + at, PAGE);
	}
}

void memory_disk_snapshot(struct memory_disk *d,
			  struct memory_disk *ret_snapshot)
{
	memory_disk_open(ret_snapshot, d->disk.size_bytes, 0);
	pthread_mutex_lock(&d->lock); /* others may write it */
	memcpy(ret_snapshot->bytes, d->bytes, d->disk.size_bytes);
	pthread_mutex_unlock(&d->lock);
	memcpy(ret_snapshot->stable, ret_snapshot->bytes, d->disk.size_bytes);
}
