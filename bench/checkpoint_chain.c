/* SPDX-License-Identifier: MIT */
/*
 * A chain of 200 layers of 1,000 random pages each over a memory of 2 GiB: how
 * long until the newest is open, and until everything is read and verified, by
 * smudge_restore (several threads) and by smudge_chain_read (this one), beside
 * reading a flat file of the same memory to the same place.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench_program.h"
#include "bench_progress.h"
#include "checkpoint.h"

#define NAME	   "chain"
#define READ_PAGES UINT64_C(16384) /* 64 MiB: each call opens every layer */

struct chain {
	uint64_t npages, nlayers, ndirty;
	struct checkpoint_ram to; /* where everything is read to */
	struct checkpoint_times opened, restored, read, flat;
};

static void read_flat(struct chain *c, const char *path)
{
	uint64_t nbytes = c->npages * CHECKPOINT_PAGE;
	double begin_ms = checkpoint_now_ms();
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	bench_must(fd < 0 ? -errno : 0, path);
	for (uint64_t at = 0; at < nbytes;) {
		ssize_t n = pread(fd, c->to.bytes + at,
				  READ_PAGES * CHECKPOINT_PAGE, (off_t)at);

		bench_must(n < 0 ? -errno : n == 0 ? -EIO : 0, path);
		at += (uint64_t)n;
	}
	close(fd);
	checkpoint_add(&c->flat, checkpoint_now_ms() - begin_ms);
}

static struct smudge_chain *open_newest(struct chain *c, const char *folder)
{
	struct smudge_chain_options options = {.size = sizeof(options),
					       .folder = folder};
	double begin_ms = checkpoint_now_ms();
	struct smudge_error err = {0};
	struct smudge_chain *chain;

	bench_must(smudge_chain_open(&options, &chain, &err), err.message);
	checkpoint_add(&c->opened, checkpoint_now_ms() - begin_ms);
	return chain;
}

static void restore(struct chain *c, const char *folder)
{
	double begin_ms = checkpoint_now_ms();
	struct smudge_chain *chain = open_newest(c, folder);
	struct smudge_error err = {0};

	bench_must(smudge_restore(c->to.memory, chain, NULL, &err),
		   err.message);
	checkpoint_add(&c->restored, checkpoint_now_ms() - begin_ms);
	smudge_chain_close(chain);
}

static void read_pages(struct chain *c, const char *folder)
{
	double begin_ms = checkpoint_now_ms();
	struct smudge_chain *chain = open_newest(c, folder);
	struct smudge_error err = {0};

	for (uint64_t page = 0; page < c->npages; page += READ_PAGES)
		bench_must(smudge_chain_read(
				   chain, 0, page,
				   c->npages - page < READ_PAGES
					   ? c->npages - page
					   : READ_PAGES,
				   c->to.bytes + page * CHECKPOINT_PAGE, &err),
			   err.message);
	checkpoint_add(&c->read, checkpoint_now_ms() - begin_ms);
	smudge_chain_close(chain);
}

static void print(const struct chain *c)
{
	const struct checkpoint_row rows[] = {
		{NAME, "open the newest", &c->opened, NULL, NULL, 50, 20, NULL},
		{NAME, "read everything", &c->restored, "a flat file", &c->flat,
		 1.5, 1.2, NULL},
		{NAME, "read everything, one thread", &c->read, "a flat file",
		 &c->flat, 0, 0, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		checkpoint_print(&rows[i]);
}

void checkpoint_case_chain(void)
{
	bool is_quick = bench_settings.scope == BENCH_QUICK;
	static struct chain c;
	unsigned int n = bench_settings.nsamples;

	c.npages = is_quick ? 8192 : UINT64_C(2) << 18;
	c.nlayers = is_quick ? 8 : 200;
	c.ndirty = is_quick ? 50 : 1000;
	checkpoint_ram_open(&c.to, c.npages);
	checkpoint_fill_words(c.to.bytes, c.npages, 4);
	if (!is_quick && !checkpoint_has_memory(NAME, UINT64_C(9) << 30))
		return;
	bench_progress_case("a chain");
	checkpoint_make_series(
		&(struct checkpoint_series){
			.npages = c.npages,
			.nlayers = c.nlayers,
			.ndirty = c.ndirty,
			.fill = checkpoint_fill_random,
		},
		checkpoint_path("chain"), checkpoint_path("chain.flat"));
	for (unsigned int i = 0; i < n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		read_flat(&c, checkpoint_path("chain.flat"));
		restore(&c, checkpoint_path("chain"));
		read_pages(&c, checkpoint_path("chain"));
	}
	print(&c);
	checkpoint_ram_close(&c.to);
	checkpoint_place_remove();
}
