/* SPDX-License-Identifier: MIT */
/*
 * The folder is removed when the program ends by itself; its files are small.
 */
#include "qcow2_folder.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qcow2/chain.h"
#include "qcow2/format.h"

#define PAGE ((size_t)SMI_QCOW2_PAGE_BYTES)
/* What is read of a disk: its begin, its middle and its end. */
#define PART_PAGES 96
#define MAX_PIECES 64

static char path[64];
static int folder_fd = -1;
static const char *const names[] = {"0", "1", "2"};

static void remove_folder(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(folder_fd, names[i], 0);
	rmdir(path);
}

static void make_folder(void)
{
	if (folder_fd >= 0)
		return;
	snprintf(path, sizeof(path), "%s/smudge-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(path))
		abort();
	folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0)
		abort();
	atexit(remove_folder);
}

void qcow2_folder_write(const char *name, const uint8_t *bytes, size_t length)
{
	int fd;

	make_folder();
	fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0600);
	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length)
		abort();
	close(fd);
}

static void check(int ret, const struct smudge_error *err)
{
	if (ret == 0 || (err->code == ret && err->message[0]))
		return;
	fprintf(stderr, "error %d without a sentence\n", ret);
	abort();
}

static void differ(const char *what, uint64_t page)
{
	fprintf(stderr, "%s: page %llu\n", what, (unsigned long long)page);
	abort();
}

/* Page by page it is the same, as far as it can be read. */
static void read_singly(struct smi_qcow2_reader *reader, uint64_t first,
			uint64_t n, const uint8_t *all)
{
	uint8_t *one = malloc(PAGE);

	for (uint64_t i = 0; i < n; i++) {
		struct smudge_error err = SMUDGE_ERROR_INIT;
		int ret =
			smi_qcow2_reader_read(reader, first + i, 1, one, &err);

		check(ret, &err);
		if (all && (ret || memcmp(one, all + i * PAGE, PAGE) != 0))
			differ("read alone", first + i);
	}
	free(one);
}

static void check_piece(const struct smi_qcow2_piece *piece, uint64_t at,
			uint64_t end, const uint8_t *all)
{
	static const uint8_t zeros[PAGE];

	if (piece->first_page != at || !piece->npages ||
	    piece->npages > end - at)
		differ("not a piece", at);
	for (uint64_t i = 0; all && piece->is_zero && i < piece->npages; i++) {
		if (memcmp(all + i * PAGE, zeros, PAGE) != 0)
			differ("not zeros", at + i);
	}
}

static void read_pieces(struct smi_qcow2_reader *reader, uint64_t first,
			uint64_t n, const uint8_t *all)
{
	uint64_t at = first;

	for (size_t i = 0; i < MAX_PIECES && at < first + n; i++) {
		struct smudge_error err = SMUDGE_ERROR_INIT;
		struct smi_qcow2_piece piece;
		int ret = smi_qcow2_reader_piece(reader, at, first + n, &piece,
						 &err);

		check(ret, &err);
		if (ret)
			return;
		check_piece(&piece, at, first + n,
			    all ? all + (at - first) * PAGE : NULL);
		at += piece.npages;
	}
}

static void read_part(struct smi_qcow2_reader *reader, uint64_t first,
		      uint64_t n)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint8_t *all = malloc(n * PAGE + 1);
	int ret = smi_qcow2_reader_read(reader, first, n, all, &err);

	check(ret, &err);
	read_pieces(reader, first, n, ret ? NULL : all);
	read_singly(reader, first, n, ret ? NULL : all);
	free(all);
}

static void read_chain(const struct smi_qcow2_chain *chain, size_t first,
		       size_t depth)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint64_t npages = smi_qcow2_chain_npages(chain, first);
	uint64_t n = npages < PART_PAGES ? npages : PART_PAGES;
	struct smi_qcow2_reader *reader;
	int ret = smi_qcow2_reader_create(chain, first, depth, &reader, &err);

	check(ret, &err);
	if (ret)
		return;
	read_part(reader, 0, n);
	if (npages > n) {
		read_part(reader, npages - n, n);
		read_part(reader, (npages - n) / 2, n);
	}
	smi_qcow2_reader_destroy(reader);
}

void qcow2_folder_read(const char *name)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_qcow2_chain *chain;
	int ret = smi_qcow2_chain_open(folder_fd, name, &chain, &err);

	check(ret, &err);
	if (ret)
		return;
	read_chain(chain, 0, 0);
	if (smi_qcow2_chain_nimages(chain) > 1) {
		read_chain(chain, 0, 1);
		read_chain(chain, 1, 0);
	}
	smi_qcow2_chain_close(chain);
}
