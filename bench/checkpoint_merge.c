/* SPDX-License-Identifier: MIT */
/*
 * Merging: a full layer of 512 MiB and 16 deltas of 16 MiB of random pages
 * become one, by pruning all but the newest; beside qemu-img, which commits the
 * same chain into its base, or converts it with the same compression. Only
 * pruning reads again what it has written, and flushes it. Once with words that
 * compress, and once with random bytes that do not.
 */
#include <stdio.h>

#include <smudge/prune.h>

#include "bench_program.h"
#include "bench_progress.h"
#include "checkpoint.h"

#define NAME	"merge"
#define NLAYERS 17

struct merge {
	struct checkpoint_series series;
	const char *what;
	char newest[32]; /* file name */
	struct checkpoint_times merged, committed, converted;
};

static double prune(const char *folder)
{
	const struct smudge_prune_options options = {
		.size = sizeof(options),
		.folder = folder,
		.keep_last = 1,
		.merge_all = true,
	};
	struct smudge_prune_result result = {.size = sizeof(result)};
	double begin_ms = checkpoint_now_ms();
	struct smudge_error err = {0};

	bench_must(smudge_layers_prune(&options, &result, &err), err.message);
	bench_must(result.rewritten == 1 ? 0 : -1, "one layer that has all");
	return checkpoint_now_ms() - begin_ms;
}

/* Into its base, which gets its pages raw. */
static double commit(const char *newest, const char *base)
{
	const char *const command[] = {"qemu-img", "commit", "-q",   "-d",
				       "-b",	   base,     newest, NULL};

	return checkpoint_run(command);
}

static double convert(const char *newest, const char *to)
{
	const char *const command[] = {"qemu-img",
				       "convert",
				       "-O",
				       "qcow2",
				       "-c",
				       "-o",
				       "compression_type=zstd,cluster_size=4k",
				       newest,
				       to,
				       NULL};

	return checkpoint_run(command);
}

static void add(struct checkpoint_times *times, double ms)
{
	if (ms >= 0)
		checkpoint_add(times, ms);
}

static void sample(struct merge *m)
{
	const char *folder = checkpoint_path("merge");
	char newest[256], base[256];

	snprintf(newest, sizeof(newest), "%s/%s", folder, m->newest);
	snprintf(base, sizeof(base), "%s/layer-00000001.qcow2", folder);
	checkpoint_make_series(&m->series, folder, NULL);
	add(&m->converted, convert(newest, checkpoint_path("converted")));
	checkpoint_add(&m->merged, prune(folder));
	checkpoint_place_remove();
	folder = checkpoint_path("merge");
	snprintf(newest, sizeof(newest), "%s/%s", folder, m->newest);
	snprintf(base, sizeof(base), "%s/layer-00000001.qcow2", folder);
	checkpoint_make_series(&m->series, folder, NULL);
	add(&m->committed, commit(newest, base));
	checkpoint_place_remove();
}

static void print(const struct merge *m)
{
	const struct checkpoint_row rows[] = {
		{NAME, m->what, &m->merged, "qemu-img convert, zstd",
		 &m->converted, 0, 0, NULL},
		{NAME, m->what, &m->merged, "qemu-img commit, raw",
		 &m->committed, 0, 0, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		checkpoint_print(&rows[i]);
	if (!m->converted.n)
		checkpoint_skip(NAME, "there is no qemu-img");
}

static void run(const char *what,
		void (*fill)(uint8_t *bytes, uint64_t npages, uint64_t seed))
{
	bool is_quick = bench_settings.scope == BENCH_QUICK;
	unsigned int n = bench_settings.nsamples;
	struct merge m = {
		.series = {.npages = is_quick ? 4096 : UINT64_C(1) << 17,
			   .nlayers = is_quick ? 3 : NLAYERS,
			   .ndirty = is_quick ? 64 : 4096,
			   .fill = fill},
		.what = what,
	};

	snprintf(m.newest, sizeof(m.newest), "layer-%08u.qcow2",
		 (unsigned int)m.series.nlayers);
	for (unsigned int i = 0; i < n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		sample(&m);
	}
	print(&m);
}

void checkpoint_case_merge(void)
{
	if (bench_settings.scope != BENCH_QUICK &&
	    !checkpoint_has_memory(NAME, UINT64_C(4) << 30))
		return;
	bench_progress_case("merging");
	run("17 layers, words", checkpoint_fill_words);
	run("17 layers, random bytes", checkpoint_fill_random);
}
