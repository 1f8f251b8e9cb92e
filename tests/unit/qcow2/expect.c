/* SPDX-License-Identifier: MIT */
/*
 * What a reader says, compared with the disk it must be.
 */
#include "expect.h"

#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "qcow2/format.h"
#include "sentence.h"

#define PAGE ((size_t)SMI_QCOW2_PAGE_BYTES)

static struct smudge_error err;

struct smi_qcow2_chain *expect_chain(const char *name)
{
	struct smi_qcow2_chain *chain;

	smudge_error_clear(&err);
	if (smi_qcow2_chain_open(folder_fd, name, &chain, &err))
		fail_msg("%s", err.message);
	return chain;
}

struct smi_qcow2_reader *expect_reader(const struct smi_qcow2_chain *chain,
				       size_t first, size_t depth)
{
	struct smi_qcow2_reader *reader;

	smudge_error_clear(&err);
	if (smi_qcow2_reader_create(chain, first, depth, &reader, &err))
		fail_msg("%s", err.message);
	return reader;
}

/* What a check gets: the pages of the read, each once, as they are. */
struct seen {
	const uint8_t *disk;
	uint64_t first, n;
	uint8_t *counts; /* of each page */
};

static int see_pages(void *opaque, uint64_t first_page, uint64_t npages,
		     const uint8_t *bytes)
{
	struct seen *seen = opaque;

	assert_true(npages > 0 && first_page >= seen->first);
	assert_true(first_page + npages <= seen->first + seen->n);
	assert_memory_equal(bytes, seen->disk + first_page * PAGE,
			    npages * PAGE);
	for (uint64_t i = 0; i < npages; i++)
		seen->counts[first_page - seen->first + i]++;
	return 0;
}

static void expect_checked(struct smi_qcow2_reader *reader, const uint8_t *disk,
			   uint64_t first, uint64_t n, uint8_t *buffer)
{
	struct seen seen = {disk, first, n, calloc(n + 1, 1)};
	const struct smi_qcow2_check check = {see_pages, &seen};

	assert_non_null(seen.counts);
	memset(buffer, 0xaa, n * PAGE);
	if (smi_qcow2_reader_read_checked(reader, first, n, buffer, &check,
					  &err))
		fail_msg("%s", err.message);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(seen.counts[i], 1);
	assert_memory_equal(buffer, disk + first * PAGE, n * PAGE);
	free(seen.counts);
}

static void expect_pages(struct smi_qcow2_reader *reader, const uint8_t *disk,
			 uint64_t first, uint64_t n, uint8_t *buffer)
{
	memset(buffer, 0xaa, n * PAGE + 1);
	if (smi_qcow2_reader_read(reader, first, n, buffer, &err))
		fail_msg("%s", err.message);
	for (uint64_t i = 0; i < n; i++) {
		if (memcmp(buffer + i * PAGE, disk + (first + i) * PAGE, PAGE))
			fail_msg("page %llu differs, read from %llu on",
				 (unsigned long long)(first + i),
				 (unsigned long long)first);
	}
	assert_int_equal(buffer[n * PAGE], 0xaa);
}

static void expect_piece(const struct smi_qcow2_piece *piece,
			 const uint8_t *disk, const size_t *owners)
{
	static const uint8_t zeros[PAGE];

	assert_false(piece->is_zero && piece->is_compressed);
	assert_false(piece->file_off &&
		     (piece->is_zero || piece->is_compressed));
	if (piece->image == SMI_QCOW2_NOWHERE)
		assert_true(piece->is_zero);
	for (uint64_t i = 0; i < piece->npages; i++) {
		uint64_t page = piece->first_page + i;

		if (owners)
			assert_int_equal(piece->image, owners[page]);
		if (piece->is_zero)
			assert_memory_equal(disk + page * PAGE, zeros, PAGE);
	}
}

static void expect_pieces(struct smi_qcow2_reader *reader, const uint8_t *disk,
			  uint64_t npages, const size_t *owners)
{
	struct smi_qcow2_piece piece;

	for (uint64_t at = 0; at < npages; at += piece.npages) {
		if (smi_qcow2_reader_piece(reader, at, npages, &piece, &err))
			fail_msg("%s", err.message);
		assert_int_equal(piece.first_page, at);
		assert_true(piece.npages > 0 && piece.npages <= npages - at);
		expect_piece(&piece, disk, owners);
	}
}

void expect_disk(struct smi_qcow2_reader *reader, const uint8_t *disk,
		 uint64_t npages, const size_t *owners, struct test_rng *rng)
{
	uint8_t *buffer = malloc(npages * PAGE + 1);

	assert_non_null(buffer);
	smudge_error_clear(&err);
	expect_pages(reader, disk, 0, npages, buffer);
	for (unsigned int i = 0; npages && i < 8; i++) {
		uint64_t first = test_rng_below(rng, npages);
		uint64_t n = test_rng_below(rng, npages - first) + 1;

		if (i % 2 && n > 40)
			n = 40;
		if (test_rng_below(rng, 3) == 0 &&
		    smi_qcow2_reader_locate(reader, first, npages, &err))
			fail_msg("%s", err.message);
		expect_pages(reader, disk, first, n, buffer);
		expect_checked(reader, disk, first, n, buffer);
	}
	expect_pieces(reader, disk, npages, owners);
	free(buffer);
}

void expect_image(const char *name, const uint8_t *disk, uint64_t npages,
		  struct test_rng *rng)
{
	struct smi_qcow2_chain *chain = expect_chain(name);
	struct smi_qcow2_reader *reader = expect_reader(chain, 0, 0);

	assert_int_equal(smi_qcow2_chain_npages(chain, 0), npages);
	expect_disk(reader, disk, npages, NULL, rng);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
}

void expect_no_chain(const char *name, int code, const char *sentence)
{
	struct smi_qcow2_chain *chain = NULL;
	int ret;

	smudge_error_clear(&err);
	ret = smi_qcow2_chain_open(folder_fd, name, &chain, &err);
	expect_sentence(&err, ret, code, sentence);
	assert_null(chain);
}

void expect_no_page(const char *name, uint64_t page, int code,
		    const char *sentence)
{
	struct smi_qcow2_chain *chain = expect_chain(name);
	struct smi_qcow2_reader *reader = expect_reader(chain, 0, 0);
	uint8_t *buffer = malloc(PAGE);
	int ret;

	assert_non_null(buffer);
	ret = smi_qcow2_reader_read(reader, page, 1, buffer, &err);
	expect_sentence(&err, ret, code, sentence);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
	free(buffer);
}
