/* SPDX-License-Identifier: MIT */
/*
 * Lazy restores of 2 GiB, from one layer and from a chain of 64: how long until
 * the memory may be used, until its first page is there, how long a random page
 * is waited for (from the access to its end, nothing else in the machine doing
 * anything, and while the rest streams in), and until all is in, beside
 * smudge_restore into memory of the same kind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/lazy.h>

#include "bench_clock.h"
#include "bench_program.h"
#include "bench_progress.h"
#include "checkpoint.h"

#define NAME "lazy"

struct lazy {
	uint64_t npages, nlayers, ndirty, ntouched;
	char what[7][48];
	struct checkpoint_times ready, first, median, p99, median_streaming,
		all, eager;
};

static struct smudge_chain *open_newest(const char *folder)
{
	struct smudge_chain_options options = {.size = sizeof(options),
					       .folder = folder};
	struct smudge_error err = {0};
	struct smudge_chain *chain;

	bench_must(smudge_chain_open(&options, &chain, &err), err.message);
	return chain;
}

static double touch_ms(const struct checkpoint_ram *to, uint64_t page)
{
	double begin_ms = checkpoint_now_ms();

	(void)*(volatile uint8_t *)(to->bytes + page * CHECKPOINT_PAGE);
	return checkpoint_now_ms() - begin_ms;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* Microseconds; @p99 may be NULL. */
static void touch(const struct lazy *c, const struct checkpoint_ram *to,
		  uint64_t seed, struct checkpoint_times *median,
		  struct checkpoint_times *p99)
{
	uint64_t *pages = checkpoint_choose(c->ntouched, c->npages, seed);
	double *us = calloc(c->ntouched, sizeof(*us));

	bench_must(us ? 0 : -1, "memory");
	for (uint64_t i = 0; us && i < c->ntouched; i++)
		us[i] = touch_ms(to, pages[i]) * 1e3;
	qsort(us, c->ntouched, sizeof(*us), compare);
	checkpoint_add(median, us[c->ntouched / 2]);
	if (p99)
		checkpoint_add(p99, us[c->ntouched * 99 / 100]);
	free(us);
	free(pages);
}

/* Begin, and touch one page. */
static struct smudge_lazy *begin(struct lazy *c, struct checkpoint_ram *to,
				 struct smudge_chain *chain, bool on_demand)
{
	const struct smudge_lazy_options options = {
		.size = sizeof(options),
		.on_demand = on_demand,
	};
	double begin_ms = checkpoint_now_ms();
	struct smudge_error err = {0};
	struct smudge_lazy *lazy;

	bench_must(
		smudge_restore_lazily(to->memory, chain, &options, &lazy, &err),
		err.message);
	checkpoint_add(&c->ready, (checkpoint_now_ms() - begin_ms));
	checkpoint_add(&c->first, touch_ms(to, c->npages / 3) * 1e3);
	return lazy;
}

/* What is touched only. */
static void on_demand(struct lazy *c, const char *folder, uint64_t seed)
{
	struct smudge_chain *chain = open_newest(folder);
	struct smudge_lazy *lazy;
	struct checkpoint_ram to;

	checkpoint_ram_open(&to, c->npages);
	lazy = begin(c, &to, chain, true);
	touch(c, &to, seed, &c->median, &c->p99);
	smudge_lazy_cancel(lazy);
	(void)smudge_lazy_end(lazy, NULL);
	checkpoint_ram_close(&to);
	smudge_chain_close(chain);
}

/* While it streams in, and until it ends. */
static void streamed(struct lazy *c, const char *folder, uint64_t seed)
{
	struct smudge_error err = {0};
	struct smudge_lazy *lazy;
	struct checkpoint_ram to;
	struct smudge_chain *chain;
	double begin_ms;

	checkpoint_ram_open(&to, c->npages);
	begin_ms = checkpoint_now_ms();
	chain = open_newest(folder);
	lazy = begin(c, &to, chain, false);
	touch(c, &to, seed, &c->median_streaming, NULL);
	bench_must(smudge_lazy_end(lazy, &err), err.message);
	checkpoint_add(&c->all, checkpoint_now_ms() - begin_ms);
	checkpoint_ram_close(&to);
	smudge_chain_close(chain);
}

static void eager(struct lazy *c, const char *folder)
{
	struct smudge_restore_options options = {.size = sizeof(options),
						 .is_zeroed = true};
	struct smudge_error err = {0};
	struct smudge_chain *chain;
	struct checkpoint_ram to;
	double begin_ms;

	checkpoint_ram_open(&to, c->npages);
	begin_ms = checkpoint_now_ms();
	chain = open_newest(folder);
	bench_must(smudge_restore(to.memory, chain, &options, &err),
		   err.message);
	checkpoint_add(&c->eager, checkpoint_now_ms() - begin_ms);
	checkpoint_ram_close(&to);
	smudge_chain_close(chain);
}

static const char *name(struct lazy *c, size_t i, const char *what)
{
	snprintf(c->what[i], sizeof(c->what[i]), "%s, %llu layers", what,
		 (unsigned long long)c->nlayers);
	return c->what[i];
}

static void print(struct lazy *c)
{
	const struct checkpoint_row rows[] = {
		{NAME, name(c, 0, "begin"), &c->ready, NULL, NULL, 10, 5, NULL},
		{NAME, name(c, 1, "first page"), &c->first, NULL, NULL, 1000,
		 300, "us"},
		{NAME, name(c, 2, "random pages"), &c->median, NULL, NULL, 1000,
		 300, "us"},
		{NAME, name(c, 3, "random pages, p99"), &c->p99, NULL, NULL, 0,
		 0, "us"},
		{NAME, name(c, 4, "as the rest streams"), &c->median_streaming,
		 NULL, NULL, 0, 0, "us"},
		{NAME, name(c, 5, "until all is in"), &c->all, "smudge_restore",
		 &c->eager, 0, 0, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		checkpoint_print(&rows[i]);
}

static void run(uint64_t nlayers)
{
	bool is_quick = bench_settings.scope == BENCH_QUICK;
	struct lazy c = {
		.npages = is_quick ? 8192 : UINT64_C(2) << 18,
		.nlayers = nlayers,
		.ndirty = is_quick ? 50 : 2000,
		.ntouched = is_quick ? 50 : 2000,
	};
	unsigned int n = bench_settings.nsamples;

	checkpoint_make_series(
		&(struct checkpoint_series){
			.npages = c.npages,
			.nlayers = c.nlayers,
			.ndirty = c.ndirty,
			.fill = checkpoint_fill_words,
		},
		checkpoint_path("lazy"), NULL);
	for (unsigned int i = 0; i < n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		on_demand(&c, checkpoint_path("lazy"), i);
		streamed(&c, checkpoint_path("lazy"), i);
		eager(&c, checkpoint_path("lazy"));
	}
	print(&c);
	checkpoint_place_remove();
}

void checkpoint_case_lazy(void)
{
	bool is_quick = bench_settings.scope == BENCH_QUICK;

	if (!is_quick && !checkpoint_has_memory(NAME, UINT64_C(7) << 30))
		return;
	bench_progress_case("lazy restores");
	run(1);
	run(is_quick ? 4 : 64);
}
