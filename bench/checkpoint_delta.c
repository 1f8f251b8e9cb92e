/* SPDX-License-Identifier: MIT */
/*
 * A delta: 57 MiB of random pages of a memory of 2 GiB, all of it touched. How
 * long the program stands, and how long until the layer is in place; beside a
 * plain copy of the same pages, zstd on the same bytes, fork(2) of the same
 * memory, and a copy of all of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_program.h"
#include "bench_progress.h"
#include "checkpoint.h"

#define NAME "delta"

struct delta {
	struct checkpoint_ram ram;
	struct smudge_checkpointer *checkpointer;
	uint64_t ndirty;
	uint8_t *copy; /* of the dirty pages */
	uint8_t *all;  /* of everything */
	struct checkpoint_times pause, in_place, copied, zstd, forked, memcpied;
};

static void save(struct delta *d, struct checkpoint_times *pause,
		 struct checkpoint_times *in_place)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	double begin_ms = checkpoint_now_ms();
	struct smudge_error err = {0};
	uint64_t ticket;

	bench_must(
		smudge_checkpointer_save(d->checkpointer, NULL, &ticket, &err),
		err.message);
	bench_must(
		smudge_checkpointer_wait(d->checkpointer, ticket, &info, &err),
		err.message);
	if (!pause)
		return;
	checkpoint_add(in_place, checkpoint_now_ms() - begin_ms);
	checkpoint_add(pause, (double)info.pause_ns / 1e6);
	/* it has all of them, so the figures are of what is claimed */
	bench_must(info.pages < d->ndirty ? -EIO : 0,
		   "a layer with every written page");
}

static void dirty(struct delta *d, const uint64_t *pages)
{
	for (uint64_t i = 0; i < d->ndirty; i++) {
		uint8_t *at = d->ram.bytes + pages[i] * CHECKPOINT_PAGE;

		(*(volatile uint64_t *)(at + 64))++;
		checkpoint_ram_written(&d->ram, pages[i], 1);
	}
}

static void copy_dirty(struct delta *d, const uint64_t *pages)
{
	double begin_ms = checkpoint_now_ms();

	for (uint64_t i = 0; i < d->ndirty; i++)
		memcpy(d->copy + i * CHECKPOINT_PAGE,
		       d->ram.bytes + pages[i] * CHECKPOINT_PAGE,
		       CHECKPOINT_PAGE);
	checkpoint_add(&d->copied, checkpoint_now_ms() - begin_ms);
}

static void run_zstd(struct delta *d)
{
	const char *from = checkpoint_path("dirty");
	const char *const command[] = {
		"zstd", "-1", "-T2", "-q",
		"-f",	from, "-o",  checkpoint_path("dirty.zst"),
		NULL};
	double ms;

	checkpoint_write_file(from, d->copy, d->ndirty * CHECKPOINT_PAGE);
	ms = checkpoint_run(command);
	if (ms >= 0)
		checkpoint_add(&d->zstd, ms);
}

static void fork_once(struct delta *d)
{
	double begin_ms = checkpoint_now_ms();
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	bench_must(pid < 0 ? -errno : 0, "fork");
	checkpoint_add(&d->forked, checkpoint_now_ms() - begin_ms);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void copy_all(struct delta *d)
{
	double begin_ms = checkpoint_now_ms();

	memcpy(d->all, d->ram.bytes, d->ram.npages * CHECKPOINT_PAGE);
	checkpoint_add(&d->memcpied, checkpoint_now_ms() - begin_ms);
}

static void sample(struct delta *d, unsigned int i)
{
	uint64_t *pages = checkpoint_choose(d->ndirty, d->ram.npages, i + 1);

	dirty(d, pages);
	save(d, &d->pause, &d->in_place);
	copy_dirty(d, pages);
	run_zstd(d);
	copy_all(d);
	fork_once(d);
	free(pages);
}

static void open_all(struct delta *d, const char *folder)
{
	struct smudge_checkpointer_options options = {
		.size = sizeof(options), .folder = folder, .full_every = 1000};
	uint64_t bytes = d->ram.npages * CHECKPOINT_PAGE;
	struct smudge_error err = {0};

	checkpoint_fill_words(d->ram.bytes, d->ram.npages, 1);
	d->copy = malloc(d->ndirty * CHECKPOINT_PAGE);
	d->all = malloc(bytes);
	bench_must(d->copy && d->all ? 0 : -ENOMEM, "memory");
	memset(d->copy, 1, d->ndirty * CHECKPOINT_PAGE);
	memset(d->all, 1, bytes);
	bench_must(smudge_checkpointer_create(d->ram.memory, &options,
					      &d->checkpointer, &err),
		   err.message);
	save(d, NULL, NULL); /* the full one that the deltas stand on */
}

static void print(const struct delta *d)
{
	const struct checkpoint_row rows[] = {
		{NAME, "pause", &d->pause, NULL, NULL, 8, 6, NULL},
		{NAME, "pause", &d->pause, "a plain copy", &d->copied, 0, 0,
		 NULL},
		{NAME, "pause", &d->pause, "fork of the memory", &d->forked, 1,
		 1, NULL},
		{NAME, "pause", &d->pause, "memcpy of everything", &d->memcpied,
		 1, 1, NULL},
		{NAME, "until in place", &d->in_place, "zstd -1 -T2", &d->zstd,
		 1.5, 1.2, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		checkpoint_print(&rows[i]);
	if (!d->zstd.n)
		checkpoint_skip(NAME, "zstd -1 -T2: there is no zstd");
}

void checkpoint_case_delta(void)
{
	bool is_quick = bench_settings.scope == BENCH_QUICK;
	static struct delta d;
	unsigned int n = bench_settings.nsamples;

	d.ndirty = is_quick ? 256 : (UINT64_C(57) << 20) / CHECKPOINT_PAGE;
	if (!is_quick && !checkpoint_has_memory(NAME, UINT64_C(7) << 30))
		return;
	bench_progress_case("a delta");
	checkpoint_ram_open(&d.ram, is_quick ? 4096 : UINT64_C(2) << 18);
	open_all(&d, checkpoint_path("delta"));
	for (unsigned int i = 0; i < n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		sample(&d, i);
	}
	bench_must(smudge_checkpointer_destroy(d.checkpointer), "the end");
	print(&d);
	checkpoint_ram_close(&d.ram);
	free(d.copy);
	free(d.all);
	checkpoint_place_remove();
}
