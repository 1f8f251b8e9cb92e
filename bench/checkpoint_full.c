/* SPDX-License-Identifier: MIT */
/*
 * A full layer of a memory of 4 GiB, half of it random and half never touched,
 * beside a plain write of the half that is there and qemu-img convert; and its
 * restore, beside a plain read and qemu-img convert back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench_program.h"
#include "bench_progress.h"
#include "checkpoint.h"

#define NAME "full"

struct full {
	struct checkpoint_ram ram;
	struct checkpoint_times saved, written, converted;
	struct checkpoint_times restored, read, converted_back;
};

static void save(struct full *f, const char *folder)
{
	struct smudge_checkpointer_options options = {.size = sizeof(options),
						      .folder = folder};
	struct smudge_checkpointer *checkpointer;
	struct smudge_error err = {0};
	double begin_ms;
	uint64_t ticket;

	bench_must(smudge_checkpointer_create(f->ram.memory, &options,
					      &checkpointer, &err),
		   err.message);
	begin_ms = checkpoint_now_ms();
	bench_must(smudge_checkpointer_save(checkpointer, NULL, &ticket, &err),
		   err.message);
	bench_must(smudge_checkpointer_wait(checkpointer, ticket, NULL, &err),
		   err.message);
	checkpoint_add(&f->saved, checkpoint_now_ms() - begin_ms);
	bench_must(smudge_checkpointer_destroy(checkpointer), "the end");
	/* what was never touched is not read: it is still not there */
	bench_must(checkpoint_ram_resident_pages(&f->ram) > f->ram.npages / 2
			   ? -EIO
			   : 0,
		   "a save that touches nothing");
}

static void restore(struct full *f, const char *folder)
{
	struct smudge_chain_options options = {.size = sizeof(options),
					       .folder = folder};
	struct smudge_restore_options how = {.size = sizeof(how),
					     .is_zeroed = true};
	struct smudge_chain *chain;
	struct checkpoint_ram to;
	struct smudge_error err = {0};
	double begin_ms;

	checkpoint_ram_open(&to, f->ram.npages);
	begin_ms = checkpoint_now_ms();
	bench_must(smudge_chain_open(&options, &chain, &err), err.message);
	bench_must(smudge_restore(to.memory, chain, &how, &err), err.message);
	checkpoint_add(&f->restored, checkpoint_now_ms() - begin_ms);
	smudge_chain_close(chain);
	checkpoint_ram_close(&to);
}

static void read_plain(struct full *f, const char *path)
{
	uint64_t bytes = f->ram.npages / 2 * CHECKPOINT_PAGE;
	struct checkpoint_ram to;
	double begin_ms;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	bench_must(fd < 0 ? -errno : 0, path);
	checkpoint_ram_open(&to, f->ram.npages);
	begin_ms = checkpoint_now_ms();
	for (uint64_t done = 0; done < bytes;) {
		uint64_t rest = bytes - done;
		ssize_t n = pread(fd, to.bytes + done,
				  rest < 1 << 20 ? rest : 1 << 20, (off_t)done);

		bench_must(n < 0 ? -errno : n == 0 ? -EIO : 0, path);
		done += (uint64_t)n;
	}
	checkpoint_add(&f->read, checkpoint_now_ms() - begin_ms);
	checkpoint_ram_close(&to);
	close(fd);
}

static void convert(struct checkpoint_times *times, const char *from,
		    const char *format, const char *to)
{
	const char *const command[] = {"qemu-img", "convert", "-O", format,
				       from,	   to,	      NULL};
	double ms = checkpoint_run(command);

	if (ms >= 0)
		checkpoint_add(times, ms);
	unlink(to);
}

static void sample(struct full *f)
{
	const char *folder = checkpoint_path("full");
	const char *flat = checkpoint_path("flat");

	checkpoint_add(
		&f->written,
		checkpoint_write_file(flat, f->ram.bytes,
				      f->ram.npages / 2 * CHECKPOINT_PAGE));
	bench_must(truncate(flat, (off_t)(f->ram.npages * CHECKPOINT_PAGE)) < 0
			   ? -errno
			   : 0,
		   flat);
	read_plain(f, flat);
	convert(&f->converted, flat, "qcow2", checkpoint_path("converted"));
	unlink(flat);
	save(f, folder);
	restore(f, folder);
	convert(&f->converted_back,
		checkpoint_path("full/layer-00000001.qcow2"), "raw",
		checkpoint_path("converted"));
	checkpoint_remove_folder(folder);
}

static void print(const struct full *f)
{
	const struct checkpoint_row rows[] = {
		{NAME, "save", &f->saved, "a plain write of the random half",
		 &f->written, 1.2, 1.05, NULL},
		{NAME, "save", &f->saved, "qemu-img convert", &f->converted, 1,
		 1, NULL},
		{NAME, "restore", &f->restored, "a plain read", &f->read, 1.2,
		 1.05, NULL},
		{NAME, "restore", &f->restored, "qemu-img convert back",
		 &f->converted_back, 1, 1, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		checkpoint_print(&rows[i]);
	if (!f->converted.n)
		checkpoint_skip(NAME, "qemu-img convert: there is no qemu-img");
}

void checkpoint_case_full(void)
{
	unsigned int n = bench_settings.nsamples;
	static struct full f;

	if (bench_settings.scope != BENCH_QUICK &&
	    !checkpoint_has_memory(NAME, UINT64_C(11) << 30))
		return;
	bench_progress_case("a full layer");
	checkpoint_ram_open(&f.ram, bench_settings.scope == BENCH_QUICK
					    ? 4096
					    : UINT64_C(4) << 18);
	checkpoint_fill_random(f.ram.bytes, f.ram.npages / 2, 2);
	for (unsigned int i = 0; i < n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		sample(&f);
	}
	print(&f);
	checkpoint_ram_close(&f.ram);
	checkpoint_place_remove();
}
