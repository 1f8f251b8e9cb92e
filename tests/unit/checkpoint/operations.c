/* SPDX-License-Identifier: MIT */
/*
 * Each operation, with choices at random.
 */
#include "operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <smudge/prune.h>

#include "../qcow2/qemu_img.h"
#include "qcow2/chain.h"

static char name[HISTORY_NAME_BYTES], other_name[HISTORY_NAME_BYTES];

static bool stands_on(const struct history *h, uint64_t file, uint64_t other)
{
	while (file && file != other)
		file = h->parents[file];
	return file == other;
}

/* A file that does not stand on @file; 0: there is none. */
static uint64_t other_than(struct history *h, uint64_t file)
{
	uint64_t first = test_rng_below(&h->rng, h->nfiles);

	for (uint64_t i = 0; i < h->nfiles; i++) {
		uint64_t other = 1 + (first + i) % h->nfiles;

		if (history_has(other) && !stands_on(h, other, file))
			return other;
	}
	return 0;
}

/* What @base shows after a commit, if its disk was not the longer one: a rebase
 * may have put the file on such a one, whose end is no footer then. */
static uint64_t committed(const struct history *h, uint64_t file, uint64_t base)
{
	size_t above = h->shown[file], below = h->shown[base];

	if (!base || above == HISTORY_NONE || below == HISTORY_NONE ||
	    h->moments[below].npages > h->moments[above].npages)
		return 0;
	return base;
}

static uint64_t commit_to(struct history *h, uint64_t file, uint64_t base,
			  const char *option)
{
	if (!base || !history_has(base))
		return 0;
	history_name(file, name);
	history_name(base, other_name);
	return QEMU_IMG("commit", "-q", "-f", "qcow2", option, "-b", other_name,
			name)
		       ? 0
		       : committed(h, file, base);
}

/* Without -d it is empty afterwards. */
static uint64_t commit(struct history *h, uint64_t file)
{
	history_name(file, name);
	return QEMU_IMG("commit", "-q", "-f", "qcow2", name)
		       ? 0
		       : committed(h, file, h->parents[file]);
}

static uint64_t commit_kept(struct history *h, uint64_t file)
{
	return commit_to(h, file, h->parents[file], "-d");
}

static uint64_t commit_far(struct history *h, uint64_t file)
{
	uint64_t base = h->parents[h->parents[file]];

	if (test_rng_below(&h->rng, 2) && h->parents[base])
		base = h->parents[base];
	return commit_to(h, file, base, "-p");
}

/* After up to 30 ms; it may have ended before. The layer is whole anyway. */
static uint64_t commit_killed(struct history *h, uint64_t file)
{
	char delay[8];

	snprintf(delay, sizeof(delay), "0.0%02d",
		 (int)test_rng_below(&h->rng, 31));
	history_name(file, name);
	QEMU_TOOL("sh", "-c",
		  "exec 2>&1; qemu-img commit -f qcow2 $1 & sleep $2; "
		  "kill -9 $!; wait $!",
		  "sh", name, delay);
	return file;
}

static uint64_t rebase(struct history *h, uint64_t file)
{
	uint64_t other = other_than(h, file);

	if (!other)
		return 0;
	history_name(file, name);
	history_name(other, other_name);
	if (QEMU_IMG("rebase", "-f", "qcow2", "-F", "qcow2", "-b", other_name,
		     name))
		return 0;
	h->parents[file] = other;
	return file;
}

static uint64_t rebase_to_nothing(struct history *h, uint64_t file)
{
	history_name(file, name);
	if (QEMU_IMG("rebase", "-f", "qcow2", "-b", "", name))
		return 0;
	h->parents[file] = 0;
	return file;
}

static uint64_t rebase_unsafe(struct history *h, uint64_t file)
{
	uint64_t other = other_than(h, file);

	if (!other)
		return 0;
	history_name(file, name);
	history_name(other, other_name);
	if (!QEMU_IMG("rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b",
		      other_name, name))
		h->parents[file] = other;
	return 0;
}

static const char *const formats[] = {
	"cluster_size=65536",
	"cluster_size=4096",
	"cluster_size=2M,lazy_refcounts=on",
	"compat=0.10",
	"compat=0.10,cluster_size=8192",
	"compression_type=zstd,refcount_bits=64",
	"preallocation=metadata",
	"preallocation=full,refcount_bits=1",
	"cluster_size=65536,compression_type=zstd",
	/* Those that are not read. */
	"extended_l2=on",
	"cluster_size=512",
};

static const char *format(struct history *h, bool *ret_is_unread)
{
	size_t n = sizeof(formats) / sizeof(formats[0]);
	size_t i = test_rng_below(&h->rng, n);

	*ret_is_unread = i >= n - 2;
	return formats[i];
}

/* As a new file, or in its place. */
static uint64_t put(struct history *h, uint64_t file, bool is_in_place)
{
	if (!is_in_place)
		file = ++h->nfiles;
	history_name(file, name);
	assert_int_equal(rename("new", name), 0);
	return file;
}

static uint64_t convert_as(struct history *h, uint64_t file, bool is_in_place)
{
	bool is_compressed = test_rng_below(&h->rng, 3) == 0, is_unread;
	const char *options = format(h, &is_unread);

	/* zlib is not read */
	if (is_compressed && !strstr(options, "zstd"))
		is_unread = true;
	history_name(file, name);
	if (QEMU_IMG("convert", is_compressed ? "-c" : "-q", "-f", "qcow2",
		     "-O", "qcow2", "-o", options, name, "new"))
		return 0;
	h->has_unread |= is_unread;
	file = put(h, file, is_in_place);
	h->parents[file] = 0;
	return file;
}

static uint64_t convert(struct history *h, uint64_t file)
{
	return h->nfiles < HISTORY_FILES ? convert_as(h, file, false) : 0;
}

static uint64_t convert_in_place(struct history *h, uint64_t file)
{
	return convert_as(h, file, true);
}

static uint64_t convert_on(struct history *h, uint64_t file, uint64_t base)
{
	bool is_unread;
	const char *options = format(h, &is_unread);

	if (!base || !history_has(base))
		return 0;
	history_name(file, name);
	history_name(base, other_name);
	if (QEMU_IMG("convert", "-q", "-f", "qcow2", "-O", "qcow2", "-o",
		     options, "-B", other_name, "-F", "qcow2", name, "new"))
		return 0;
	h->has_unread |= is_unread;
	put(h, file, true);
	h->parents[file] = base;
	return file;
}

/* Only what the file itself has is copied. */
static uint64_t convert_one(struct history *h, uint64_t file)
{
	return convert_on(h, file, h->parents[file]);
}

static uint64_t convert_on_other(struct history *h, uint64_t file)
{
	uint64_t base = other_than(h, file);

	(void)convert_on(h, file, base);
	return 0;
}

static uint64_t resize(struct history *h, uint64_t file)
{
	bool is_shrunk = test_rng_below(&h->rng, 2);

	history_name(file, name);
	QEMU_IMG("resize", "-q", "-f", "qcow2", is_shrunk ? "--shrink" : "-q",
		 name, is_shrunk ? "-64K" : "+1M");
	return 0;
}

static uint64_t snapshot(struct history *h, uint64_t file)
{
	char tag[24];

	snprintf(tag, sizeof(tag), "tag-%d", (int)test_rng_below(&h->rng, 100));
	history_name(file, name);
	return QEMU_IMG("snapshot", "-q", "-c", tag, name) ? 0 : file;
}

static uint64_t bitmap(struct history *h, uint64_t file)
{
	history_name(file, name);
	return QEMU_IMG("bitmap", "--add", "-f", "qcow2", name, "bits") ? 0
									: file;
}

static uint64_t amend(struct history *h, uint64_t file)
{
	history_name(file, name);
	return QEMU_IMG("amend", "-q", "-f", "qcow2", "-o",
			test_rng_below(&h->rng, 2) ? "lazy_refcounts=on"
						   : "compat=0.10",
			name)
		       ? 0
		       : file;
}

static uint64_t write_pages(struct history *h, uint64_t file)
{
	static const char *const commands[] = {"write -q -P 7", "write -q -z",
					       "discard -q"};
	char command[80];

	history_name(file, name);
	snprintf(command, sizeof(command), "%s %d %d",
		 commands[test_rng_below(&h->rng, 3)],
		 (int)test_rng_below(&h->rng, 1000) * 4096,
		 4096 * (1 + (int)test_rng_below(&h->rng, 30)));
	QEMU_TOOL("qemu-io", "-f", "qcow2", "-c", command, name);
	return 0;
}

static uint64_t remove_file(struct history *h, uint64_t file)
{
	history_name(file, name);
	unlink(name);
	return 0;
}

/* The next checkpoint, on a file that a tool has made. */
static uint64_t save(struct history *h, uint64_t file)
{
	bool is_read = history_check(h, file, "before a save") != HISTORY_NONE;

	if (is_read && h->nmoments < HISTORY_MAX && h->nfiles < HISTORY_FILES)
		history_save(h, file, h->shown[file], true);
	return file;
}

/* As the files say now. */
static void find_parents(struct history *h)
{
	for (uint64_t i = 1; i <= h->nfiles; i++) {
		struct smi_qcow2_chain *images;

		history_name(i, name);
		if (smi_qcow2_chain_open(h->memory.folder_fd, name, &images,
					 NULL) < 0)
			continue;
		h->parents[i] =
			smi_qcow2_chain_nimages(images) > 1
				? smi_folder_number(
					  smi_qcow2_chain_name(images, 1))
				: 0;
		smi_qcow2_chain_close(images);
	}
}

/* What is left of the folder shows what it showed, also where it is refused. */
static uint64_t prune(struct history *h, uint64_t file)
{
	const struct smudge_prune_options options = {
		.size = sizeof(options),
		.folder = ".",
		.keep_last = 1 + test_rng_below(&h->rng, 4),
		.merge_all = test_rng_below(&h->rng, 2),
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;

	/* It has the writer's lock. */
	close(h->memory.folder_fd);
	if (smudge_layers_prune(&options, NULL, &err) < 0 &&
	    getenv("SMUDGE_TEST_VERBOSE"))
		fprintf(stderr, "# prune: %d %s\n", err.code, err.message);
	h->memory.folder_fd = smi_folder_open_to_write(".", NULL);
	assert_true(h->memory.folder_fd >= 0);
	find_parents(h);
	return 0;
}

const struct operation operations[] = {
	{"commit", commit, false},
	{"commit -d", commit_kept, false},
	{"commit -b", commit_far, false},
	{"commit, killed", commit_killed, false},
	{"rebase", rebase, true},
	{"rebase to none", rebase_to_nothing, true},
	{"rebase -u", rebase_unsafe, false},
	{"convert", convert, true},
	{"convert in place", convert_in_place, true},
	{"convert -B the parent", convert_one, true},
	{"convert -B another", convert_on_other, false},
	{"resize", resize, false},
	{"snapshot", snapshot, true},
	{"bitmap", bitmap, true},
	{"amend", amend, true},
	{"qemu-io", write_pages, false},
	{"rm", remove_file, false},
	{"save", save, true},
	{"prune", prune, true},
};

const size_t noperations = sizeof(operations) / sizeof(operations[0]);
