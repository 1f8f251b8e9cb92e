/* SPDX-License-Identifier: MIT */
/*
 * Pruning beside checkpoints: 16 MiB of random pages of a memory of 512 MiB for
 * each, of which the last 8 are kept. What a checkpoint takes until it is in
 * place without pruning and with it, what pruning alone takes and writes; as an
 * average of 32 checkpoints, among which layers are merged a few times.
 */
#include <stdlib.h>

#include <smudge/prune.h>

#include "bench_program.h"
#include "bench_progress.h"
#include "checkpoint.h"

#define NAME	     "prune"
#define NCHECKPOINTS 32
#define MIB	     1048576.0

struct prune {
	struct checkpoint_ram ram;
	uint64_t ndirty;
	struct smudge_checkpointer *alone, *pruned; /* of two folders */
	struct checkpoint_times without, with, pruning, longest;
	struct checkpoint_times layer_mib, written_mib, folder_mib;
};

/* Of one sample. */
struct sums {
	double without_ms, with_ms, pruning_ms, longest_ms;
	double layer_bytes, written_bytes, folder_bytes;
};

static struct smudge_checkpointer *create(struct prune *p, const char *name)
{
	const struct smudge_checkpointer_options options = {
		.size = sizeof(options),
		.folder = checkpoint_path(name),
		.full_every = 4096,
	};
	struct smudge_checkpointer *made = NULL;
	struct smudge_error err = {0};

	bench_must(smudge_checkpointer_create(p->ram.memory, &options, &made,
					      &err),
		   err.message);
	return made;
}

/* Return: ms until it is in place. */
static double save(struct smudge_checkpointer *cp, double *bytes)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	double begin_ms = checkpoint_now_ms();
	struct smudge_error err = {0};
	uint64_t ticket;

	bench_must(smudge_checkpointer_save(cp, NULL, &ticket, &err),
		   err.message);
	bench_must(smudge_checkpointer_wait(cp, ticket, &info, &err),
		   err.message);
	*bytes += (double)info.file_bytes;
	return checkpoint_now_ms() - begin_ms;
}

static double prune(struct prune *p, struct sums *sums)
{
	const struct smudge_prune_options options = {.size = sizeof(options),
						     .keep_last = 8};
	struct smudge_prune_result result = {.size = sizeof(result)};
	double begin_ms = checkpoint_now_ms();
	struct smudge_error err = {0};

	bench_must(
		smudge_checkpointer_prune(p->pruned, &options, &result, &err),
		err.message);
	sums->written_bytes += (double)result.written_bytes;
	sums->folder_bytes = (double)result.after_bytes;
	return checkpoint_now_ms() - begin_ms;
}

static void dirty(struct prune *p, uint64_t seed)
{
	uint64_t *pages = checkpoint_choose(p->ndirty, p->ram.npages, seed);

	for (uint64_t i = 0; i < p->ndirty; i++) {
		uint8_t *at = p->ram.bytes + pages[i] * CHECKPOINT_PAGE;

		(*(volatile uint64_t *)(at + 64))++;
		checkpoint_ram_written(&p->ram, pages[i], 1);
	}
	free(pages);
}

static void checkpoint(struct prune *p, uint64_t seed, struct sums *sums)
{
	double ignored = 0, save_ms, prune_ms;

	dirty(p, seed);
	sums->without_ms += save(p->alone, &ignored);
	save_ms = save(p->pruned, &sums->layer_bytes);
	prune_ms = prune(p, sums);
	sums->with_ms += save_ms + prune_ms;
	sums->pruning_ms += prune_ms;
	if (prune_ms > sums->longest_ms)
		sums->longest_ms = prune_ms;
}

static void sample(struct prune *p, unsigned int i, unsigned int n)
{
	struct sums sums = {0};

	for (unsigned int k = 0; k < n && !bench_interrupted; k++)
		checkpoint(p, (uint64_t)i * n + k + 1, &sums);
	checkpoint_add(&p->without, sums.without_ms / n);
	checkpoint_add(&p->with, sums.with_ms / n);
	checkpoint_add(&p->pruning, sums.pruning_ms / n);
	checkpoint_add(&p->longest, sums.longest_ms);
	checkpoint_add(&p->layer_mib, sums.layer_bytes / n / MIB);
	checkpoint_add(&p->written_mib, sums.written_bytes / n / MIB);
	checkpoint_add(&p->folder_mib, sums.folder_bytes / MIB);
}

static void print(const struct prune *p)
{
	const struct checkpoint_row rows[] = {
		{NAME, "checkpoint, then pruned", &p->with, "not pruned",
		 &p->without, 0, 0, NULL},
		{NAME, "pruning of it", &p->pruning, NULL, NULL, 0, 0, NULL},
		{NAME, "the longest", &p->longest, NULL, NULL, 0, 0, NULL},
		{NAME, "written by pruning", &p->written_mib, NULL, NULL, 0, 0,
		 "MiB"},
		{NAME, "by the checkpoint", &p->layer_mib, NULL, NULL, 0, 0,
		 "MiB"},
		{NAME, "folder", &p->folder_mib, NULL, NULL, 0, 0, "MiB"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		checkpoint_print(&rows[i]);
}

void checkpoint_case_prune(void)
{
	bool is_quick = bench_settings.scope == BENCH_QUICK;
	unsigned int n = bench_settings.nsamples;
	static struct prune p;
	double ignored = 0;

	p.ndirty = is_quick ? 64 : 4096;
	if (!is_quick && !checkpoint_has_memory(NAME, UINT64_C(4) << 30))
		return;
	bench_progress_case("pruning");
	checkpoint_ram_open(&p.ram, is_quick ? 4096 : UINT64_C(1) << 17);
	checkpoint_fill_words(p.ram.bytes, p.ram.npages, 1);
	p.alone = create(&p, "alone");
	p.pruned = create(&p, "pruned");
	(void)save(p.alone, &ignored);
	(void)save(p.pruned, &ignored);
	for (unsigned int i = 0; i < n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		sample(&p, i, is_quick ? 4 : NCHECKPOINTS);
	}
	bench_must(smudge_checkpointer_destroy(p.alone), "the end");
	bench_must(smudge_checkpointer_destroy(p.pruned), "the end");
	print(&p);
	checkpoint_ram_close(&p.ram);
	checkpoint_place_remove();
}
