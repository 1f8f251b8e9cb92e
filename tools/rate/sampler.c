/* SPDX-License-Identifier: MIT */
/*
 * Written pages, estimated from a sample.
 *
 * Pages are drawn at random from all that are present in the selected mappings,
 * each as likely as another. At each tick all of them are read and hashed; a
 * page whose hash differs from the tick before was written. This is what
 * QEMU's calc-dirty-rate does in its mode page-sampling.
 *
 * A new sample is drawn when all windows have ended, so no window sees two of
 * them. Pages that become present after the draw are seen by the next one.
 */
#include "rate/meter.h"

#include <smudge/error.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

#include <xxhash.h>

#include "common/range.h"
#include "rate/resident.h"

#define CHUNK 64 /* pages that one call reads */

struct sample {
	uint64_t address;
	XXH64_hash_t hash;
	uint32_t mapping;
	unsigned char written; /* a bit for each window that runs */
	bool is_gone;
};

struct sampler {
	pid_t pid;
	struct rate_select select;
	struct rate_mappings mappings;
	struct sample *samples;
	uint64_t room, n;
	uint64_t population; /* pages that were present */
	unsigned short random[3];
	unsigned char *pages; /* CHUNK of them */
};

/* The k-th page takes the place of one before it with probability n / k. */
static void draw(void *opaque, uint64_t address, uint64_t npages)
{
	struct sampler *s = opaque;

	for (uint64_t i = 0; i < npages; i++) {
		uint64_t k = s->population++;
		uint64_t place = k;

		if (k >= s->room)
			place = (uint64_t)(erand48(s->random) *
					   (double)(k + 1));
		if (place < s->room)
			s->samples[place] = (struct sample){
				.address = address + i * RATE_PAGE_BYTES};
	}
}

static int by_address(const void *a, const void *b)
{
	const struct sample *one = a;
	const struct sample *two = b;

	return one->address < two->address ? -1 : one->address > two->address;
}

/* Both are in ascending order. */
static void assign(struct sampler *s)
{
	uint32_t mapping = 0;

	qsort(s->samples, s->n, sizeof(*s->samples), by_address);
	for (uint64_t i = 0; i < s->n; i++) {
		const struct rate_mapping *at = &s->mappings.list[mapping];

		while (s->samples[i].address >= at->address + at->size_bytes)
			at = &s->mappings.list[++mapping];
		s->samples[i].mapping = mapping;
	}
}

static void compare(struct sample *sample, const unsigned char *page,
		    bool is_first)
{
	XXH64_hash_t hash = XXH3_64bits(page, RATE_PAGE_BYTES);

	if (!is_first && !sample->is_gone && hash != sample->hash)
		sample->written = RATE_ALL_WINDOWS;
	sample->hash = hash;
	sample->is_gone = false;
}

/*
 * Read up to CHUNK pages from @first on. A page that cannot be read ends the
 * call; what is mapped there later counts from then on. Return: how many are
 * done, or -errno.
 */
static int read_chunk(struct sampler *s, uint64_t first, bool is_first)
{
	uint64_t n = min_u64(s->n - first, CHUNK);
	struct iovec local = {s->pages, n * RATE_PAGE_BYTES};
	struct iovec remote[CHUNK];
	ssize_t got;
	uint64_t done;

	for (uint64_t i = 0; i < n; i++)
		remote[i] = (struct iovec){
			(void *)(uintptr_t)s->samples[first + i].address,
			RATE_PAGE_BYTES};
	got = process_vm_readv(s->pid, &local, 1, remote, n, 0);
	if (got < 0 && errno != EFAULT)
		return -errno;
	done = got < 0 ? 0 : (uint64_t)got / RATE_PAGE_BYTES;
	for (uint64_t i = 0; i < done; i++)
		compare(&s->samples[first + i], s->pages + i * RATE_PAGE_BYTES,
			is_first);
	if (done < n)
		s->samples[first + done++].is_gone = true;
	return (int)done;
}

static int read_all(struct sampler *s, bool is_first)
{
	for (uint64_t first = 0; first < s->n;) {
		int done = read_chunk(s, first, is_first);

		if (done < 0)
			return done;
		first += (uint64_t)done;
	}
	return 0;
}

static int failed(const struct sampler *s, int code, struct smudge_error *err)
{
	if (code == -ESRCH || code == -ENOENT)
		return smudge_error_set(err, -ESRCH, "rate",
					"process %d has ended", (int)s->pid);
	if (code == -EPERM || code == -EACCES)
		return smudge_error_set(
			err, -EPERM, "rate",
			"the memory of process %d may not be read: it takes "
			"the same user and all of its capabilities, with "
			"kernel.yama.ptrace_scope 0, or CAP_SYS_PTRACE (for "
			"another user's also CAP_DAC_OVERRIDE)",
			(int)s->pid);
	if (code == -ENODATA)
		return smudge_error_set(
			err, code, "rate",
			"process %d has no mapping of that kind with a page "
			"in it",
			(int)s->pid);
	return smudge_error_set(err, code, "rate",
				"the memory of process %d cannot be read: %s",
				(int)s->pid, strerror(-code));
}

static int draw_from_all(struct sampler *s)
{
	int fd = rate_resident_open(s->pid);
	int ret = 0;

	if (fd < 0)
		return fd;
	s->population = 0;
	for (size_t i = 0; i < s->mappings.n && !ret; i++) {
		const struct rate_mapping *mapping = &s->mappings.list[i];

		if (mapping->size_bytes <= RATE_RESIDENT_MAX_BYTES)
			ret = rate_resident_each(fd, mapping->address,
						 mapping->size_bytes, draw, s);
	}
	close(fd);
	return ret;
}

/* Draw a sample, and hash its pages as they are now. */
static int renew(struct sampler *s)
{
	int ret;

	rate_mappings_clear(&s->mappings);
	ret = rate_maps_read(s->pid, &s->select, &s->mappings);
	if (!ret)
		ret = draw_from_all(s);
	if (ret)
		return ret;
	s->n = min_u64(s->population, s->room);
	assign(s);
	return read_all(s, true);
}

static void count_window(struct sampler *s, int window, struct rate_tick *tick)
{
	unsigned char bit = (unsigned char)(1u << window);
	uint64_t changed = 0;

	for (uint64_t i = 0; i < s->n; i++) {
		changed += (s->samples[i].written & bit) != 0;
		if (window != RATE_INTERVAL)
			s->samples[i].written &= (unsigned char)~bit;
	}
	tick->values[window] =
		rate_value_estimate(changed, s->n, s->population);
}

/* What each mapping has of the interval's pages. */
static int end_interval(struct sampler *s, struct rate_tick *tick)
{
	double weight = s->n ? (double)s->population / (double)s->n : 0;

	for (size_t i = 0; i < s->mappings.n; i++)
		s->mappings.list[i].pages = 0;
	for (uint64_t i = 0; i < s->n; i++) {
		struct sample *sample = &s->samples[i];

		if (!(sample->written & 1u << RATE_INTERVAL))
			continue;
		sample->written &= (unsigned char)~(1u << RATE_INTERVAL);
		s->mappings.list[sample->mapping].pages += weight;
		if (tick->heat)
			rate_heat_add(tick->heat, sample->address, 1, weight);
	}
	tick->process->samples = s->n;
	tick->process->tracked_pages = s->population;
	return rate_mappings_merge(&tick->process->mappings, &s->mappings);
}

static int sampler_tick(void *meter, struct rate_tick *tick,
			struct smudge_error *err)
{
	struct sampler *s = meter;
	int ret = read_all(s, false);

	for (int w = 0; w < RATE_NWINDOWS && !ret; w++) {
		if (tick->closing & 1u << w)
			count_window(s, w, tick);
	}
	if (!ret && tick->closing & 1u << RATE_INTERVAL)
		ret = end_interval(s, tick);
	if (!ret && tick->closing == RATE_ALL_WINDOWS) {
		ret = renew(s);
		tick->has_restarted = true;
	}
	return ret ? failed(s, ret, err) : 0;
}

static void sampler_close(void *meter)
{
	struct sampler *s = meter;

	rate_mappings_free(&s->mappings);
	free(s->samples);
	free(s->pages);
	free(s);
}

static const struct rate_meter_ops ops = {sampler_tick, sampler_close, NULL};

int rate_sampler_open(pid_t pid, uint64_t nsamples,
		      const struct rate_select *select,
		      struct rate_meter *ret_meter, struct smudge_error *err)
{
	struct sampler *s = calloc(1, sizeof(*s));
	int ret = s ? 0 : -ENOMEM;

	if (ret)
		return smudge_error_set(err, ret, "rate", "out of memory");
	*s = (struct sampler){.pid = pid, .select = *select, .room = nsamples};
	s->samples = calloc(nsamples, sizeof(*s->samples));
	s->pages = malloc((size_t)CHUNK * RATE_PAGE_BYTES);
	if (!s->samples || !s->pages)
		ret = -ENOMEM;
	if (getrandom(s->random, sizeof(s->random), 0) < 0)
		ret = -errno;
	if (!ret)
		ret = renew(s);
	if (!ret && !s->n)
		ret = -ENODATA;
	if (ret) {
		ret = failed(s, ret, err);
		sampler_close(s);
		return ret;
	}
	*ret_meter = (struct rate_meter){&ops, s, RATE_SAMPLE};
	return 0;
}
