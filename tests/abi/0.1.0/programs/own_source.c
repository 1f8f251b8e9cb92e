/* SPDX-License-Identifier: MIT */
/*
 * A source of the program's own: pages are write-protected with mprotect(2),
 * and a handler of SIGSEGV notes the first store to each. It works on every
 * kernel; what the kernel itself writes (read(2) into the memory) fails with
 * EFAULT instead of being detected, as with any protection of this kind.
 * Exits 1 if a store is lost.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/smudge.h>

enum {
	PAGE = 4096,
	NPAGES = 256
};

/*
 * The lock makes "may be written" and "was written" one step: a page is
 * writable only while its bit is set, or while a client has not taken it yet.
 * The handler may wait for it, since its holders never store to tracked memory.
 */
static struct {
	atomic_flag lock;
	unsigned char *hva;
	size_t npages;
	unsigned char
		bits[NPAGES / 8]; /* lock; written since the last harvest */
} guard = {.lock = ATOMIC_FLAG_INIT};

static void lock(void)
{
	while (atomic_flag_test_and_set_explicit(&guard.lock,
						 memory_order_acquire))
		;
}

static void unlock(void)
{
	atomic_flag_clear_explicit(&guard.lock, memory_order_release);
}

static void on_store(int number, siginfo_t *info, void *context)
{
	size_t offset = (size_t)((unsigned char *)info->si_addr - guard.hva);
	size_t page = offset / PAGE;

	if (!guard.hva || page >= guard.npages) {
		signal(number, SIG_DFL); /* not ours: the store ends us */
		return;
	}
	lock();
	guard.bits[page / 8] |= (unsigned char)(1 << page % 8);
	mprotect(guard.hva + page * PAGE, PAGE, PROT_READ | PROT_WRITE);
	unlock();
}

static int protect(uint64_t first_page, uint64_t npages, int protection)
{
	return mprotect(guard.hva + first_page * PAGE, npages * PAGE,
			protection)
		       ? -errno
		       : 0;
}

static int guard_start(void *opaque, const struct smudge_source_range *range,
		       struct smudge_error *err)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO};
	int ret;

	if (range->npages > NPAGES || range->first_page)
		return smudge_error_set(err, -EINVAL, "guard",
					"the range is not the buffer");
	guard.hva = range->hva;
	guard.npages = range->npages;
	memset(guard.bits, 0, sizeof(guard.bits));
	action.sa_sigaction = on_store;
	sigaction(SIGSEGV, &action, NULL);
	ret = protect(0, guard.npages, PROT_READ);
	if (ret)
		smudge_error_set(err, ret, "guard", "mprotect: %s",
				 strerror(-ret));
	return ret;
}

static void guard_stop(void *opaque)
{
	protect(0, guard.npages, PROT_READ | PROT_WRITE);
}

/* What was written since the last harvest; its pages stay writable. */
static int guard_harvest(void *opaque, struct smudge_sink *sink,
			 struct smudge_error *err)
{
	unsigned char bits[(NPAGES / 8 + 7) & ~7];

	lock();
	memcpy(bits, guard.bits, sizeof(guard.bits));
	memset(guard.bits, 0, sizeof(guard.bits));
	unlock();
	smudge_sink_bitmap(sink, 0, bits, 0, guard.npages, 12);
	return 0;
}

/* From a take, before anyone reads the pages: the next store is caught. */
static int guard_rearm(void *opaque, const struct smudge_batch *batch,
		       struct smudge_error *err)
{
	int ret = 0;

	lock();
	for (size_t i = 0; i < smudge_batch_nruns(batch) && !ret; i++) {
		struct smudge_run run = smudge_batch_run(batch, i);

		ret = protect(run.first_page, run.npages, PROT_READ);
	}
	unlock();
	if (ret)
		smudge_error_set(err, ret, "guard", "mprotect: %s",
				 strerror(-ret));
	return ret;
}

static const struct smudge_source_ops guard_ops = {
	.size = sizeof(guard_ops),
	.name = "guard",
	.start = guard_start,
	.stop = guard_stop,
	.harvest = guard_harvest,
	.rearm = guard_rearm,
};

/* Stores, harvests and takes what is dirty; -EIO when it is not the page. */
static int store_and_take(struct smudge_region *region,
			  struct smudge_client *client,
			  struct smudge_batch *batch, uint64_t page,
			  struct smudge_error *err)
{
	unsigned char *buffer = smudge_region_hva(region);
	struct smudge_run rest = {0, NPAGES};
	struct smudge_run run;
	int ret;

	buffer[page * PAGE]++;
	ret = smudge_region_harvest(region, err);
	if (ret)
		return ret;
	ret = smudge_client_take_next(client, region, &rest, NPAGES, batch,
				      err);
	if (ret < 0)
		return ret;
	run = smudge_batch_run(batch, 0);
	if (smudge_batch_npages(batch) != 1 || run.first_page != page)
		return smudge_error_set(err, -EIO, "own_source",
					"page %d was lost", (int)page);
	return smudge_client_commit(client, batch);
}

/* Every page is written three times, each store alone between two takes. */
static int watch(struct smudge_memory *memory, struct smudge_region *region,
		 struct smudge_error *err)
{
	struct smudge_client_options me = {.size = sizeof(me), .name = "me"};
	struct smudge_client *client;
	struct smudge_batch *batch;
	int ret = smudge_batch_create(0, &batch, err);

	if (ret)
		return ret;
	ret = smudge_client_open(memory, &me, &client, err);
	if (!ret) {
		ret = smudge_client_skip(client, region, 0, NPAGES, err);
		for (uint64_t i = 0; i < 3 * NPAGES && !ret; i++)
			ret = store_and_take(region, client, batch,
					     i * 7 % NPAGES, err);
		smudge_client_return(client, batch);
		smudge_client_close(client);
	}
	smudge_batch_destroy(batch);
	return ret;
}

int main(void)
{
	void *buffer = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "buffer",
						.hva = buffer,
						.size_bytes = NPAGES * PAGE};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source = NULL;
	int ret;

	if (buffer == MAP_FAILED || smudge_memory_create(&memory))
		return 1;
	ret = smudge_region_add(memory, &options, &region, &err);
	if (!ret)
		ret = smudge_source_create(&guard_ops, NULL, &source, &err);
	if (!ret)
		ret = smudge_region_attach(region, source, 0, 0, &err);
	if (!ret)
		ret = watch(memory, region, &err);
	if (ret)
		fprintf(stderr, "own_source: %s\n", err.message);
	smudge_source_destroy(source);
	smudge_memory_destroy(memory, NULL);
	return ret ? 1 : 0;
}
