/* SPDX-License-Identifier: MIT */
/*
 * A source of the program's own, for one thread: pages are write-protected by
 * mprotect(2), and a handler of SIGSEGV notes the first store to each. A page
 * is protected again when it is taken, unless it was only looked at.
 */
#include "agree.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

static struct {
	uint8_t *hva;
	size_t npages;
	unsigned int page_shift;
	uint64_t bits[AGREE_MAX_PAGES / 64];
	struct sigaction before;
} guard;

static int protect(uint64_t first_page, uint64_t npages, int protection)
{
	return mprotect(guard.hva + (first_page << guard.page_shift),
			npages << guard.page_shift, protection)
		       ? -errno
		       : 0;
}

static void on_store(int number, siginfo_t *info, void *context)
{
	uintptr_t offset = (uintptr_t)info->si_addr - (uintptr_t)guard.hva;
	size_t page = offset >> guard.page_shift;

	if (page >= guard.npages ||
	    protect(page, 1, PROT_READ | PROT_WRITE) < 0) {
		signal(number, SIG_DFL); /* not ours: it ends the test */
		return;
	}
	guard.bits[page / 64] |= UINT64_C(1) << page % 64;
}

static int guard_start(void *opaque, const struct smudge_source_range *range,
		       struct smudge_error *err)
{
	struct sigaction action = {.sa_sigaction = on_store,
				   .sa_flags = SA_SIGINFO};

	guard.hva = range->hva;
	guard.npages = range->npages;
	guard.page_shift = range->page_shift;
	memset(guard.bits, 0, sizeof(guard.bits));
	sigaction(SIGSEGV, &action, &guard.before);
	return protect(0, guard.npages, PROT_READ);
}

static void guard_stop(void *opaque)
{
	protect(0, guard.npages, PROT_READ | PROT_WRITE);
	sigaction(SIGSEGV, &guard.before, NULL);
}

/* The bits stay until a rearm: a take after a look does not protect. */
static int guard_look(void *opaque, struct smudge_sink *sink,
		      struct smudge_error *err)
{
	smudge_sink_bitmap(sink, 0, guard.bits, 0, guard.npages,
			   guard.page_shift);
	return 0;
}

/* One thread: no page was written since the harvest that reported it. */
static int guard_rearm(void *opaque, const struct smudge_batch *batch,
		       struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < smudge_batch_nruns(batch) && !ret; i++) {
		struct smudge_run run = smudge_batch_run(batch, i);

		for (uint64_t k = 0; k < run.npages; k++) {
			uint64_t page = run.first_page + k;

			guard.bits[page / 64] &= ~(UINT64_C(1) << page % 64);
		}
		ret = protect(run.first_page, run.npages, PROT_READ);
	}
	return ret;
}

struct smudge_source *agree_guard_create(void)
{
	static const struct smudge_source_ops ops = {
		.size = sizeof(ops),
		.name = "guard",
		.start = guard_start,
		.stop = guard_stop,
		.harvest = guard_look,
		.rearm = guard_rearm,
		.look = guard_look,
	};
	struct smudge_source *source = NULL;

	assert_int_equal(smudge_source_create(&ops, NULL, &source, NULL), 0);
	return source;
}
