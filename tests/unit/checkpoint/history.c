/* SPDX-License-Identifier: MIT */
/*
 * Histories: written by the plainest code, read by qemu-img.
 */
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "../qcow2/qemu_img.h"
#include "checkpoint/chain.h"

#define PAGE 4096
#define RAW  "view.raw"

/* Bytes of a footer (docs/layers.md). */
#define FOOTER_FLAGS  12
#define FOOTER_DISK   16
#define FOOTER_PARENT 72

void history_begin(struct history *h, uint64_t seed)
{
	*h = (struct history){.rng = {seed}};
	moments_open(&h->memory, ".");
}

void history_name(uint64_t number, char name[HISTORY_NAME_BYTES])
{
	smi_folder_name(number, name);
}

bool history_has(uint64_t number)
{
	char name[HISTORY_NAME_BYTES];

	history_name(number, name);
	return access(name, F_OK) == 0;
}

void history_end(struct history *h)
{
	for (size_t i = 0; i < h->nmoments; i++) {
		moment_clear(&h->moments[i].memory);
		free(h->moments[i].disk);
		free(h->moments[i].relevant);
	}
	for (uint64_t i = 1; i <= h->nfiles; i++) {
		char name[HISTORY_NAME_BYTES];

		history_name(i, name);
		unlink(name);
	}
	unlink(RAW);
	moments_close(&h->memory);
}

static uint8_t *raw_bytes(const char *name, uint64_t *ret_npages)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *bytes;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(bytes);
	for (off_t done = 0; done < st.st_size;) {
		ssize_t n = pread(fd, bytes + done, (size_t)(st.st_size - done),
				  done);

		assert_true(n > 0);
		done += n;
	}
	close(fd);
	*ret_npages = (uint64_t)st.st_size / PAGE;
	return bytes;
}

/* Return: the disk as QEMU reads it, or NULL where it cannot. */
static uint8_t *view_of(uint64_t number, uint64_t *ret_npages)
{
	char name[HISTORY_NAME_BYTES];

	history_name(number, name);
	if (QEMU_IMG("convert", "-q", "-f", "qcow2", "-O", "raw", name, RAW))
		return NULL;
	return raw_bytes(RAW, ret_npages);
}

static void mark(struct history_moment *moment, uint64_t page, uint64_t nbytes)
{
	for (; nbytes > PAGE; nbytes -= PAGE)
		moment->relevant[page++] = PAGE;
	moment->relevant[page] = (uint16_t)nbytes;
}

/* Pages of extents, digests of them, tail. */
static void mark_all(struct history_moment *moment,
		     const struct smi_layer *layer)
{
	for (size_t i = 0; i < layer->nregions; i++)
		for (size_t j = 0; j < layer->regions[i].nextents; j++) {
			const struct smi_layer_extent *extent =
				&layer->regions[i].extents[j];

			mark(moment, extent->disk_page, extent->npages * PAGE);
			mark(moment, extent->table_page, extent->npages * 16);
		}
	mark(moment, layer->tail_page, layer->tail_npages * PAGE);
}

/* Footers of one moment, also if one has another parent, or none. */
static bool is_footer_of(const struct history_moment *moment,
			 const uint8_t *page)
{
	const uint8_t *footer = moment->disk + (moment->npages - 1) * PAGE;

	return !memcmp(page, footer, FOOTER_FLAGS) &&
	       !memcmp(page + FOOTER_DISK, footer + FOOTER_DISK,
		       FOOTER_PARENT - FOOTER_DISK);
}

static bool shows(const struct history_moment *moment, const uint8_t *disk,
		  uint64_t npages)
{
	if (npages != moment->npages)
		return false;
	for (uint64_t i = 0; i < npages; i++)
		if (memcmp(disk + i * PAGE, moment->disk + i * PAGE,
			   moment->relevant[i]))
			return false;
	return is_footer_of(moment, disk + (npages - 1) * PAGE);
}

size_t history_shown_raw(struct history *h, const char *raw_name)
{
	uint64_t npages;
	uint8_t *disk = raw_bytes(raw_name, &npages);
	size_t i = 0;

	while (i < h->nmoments && !shows(&h->moments[i], disk, npages))
		i++;
	free(disk);
	return i < h->nmoments ? i : HISTORY_NONE;
}

/* Which moment QEMU's reader finds in a file, or HISTORY_NONE. */
static size_t shown_by_qemu(struct history *h, uint64_t number)
{
	char name[HISTORY_NAME_BYTES];

	history_name(number, name);
	if (QEMU_IMG("convert", "-q", "-f", "qcow2", "-O", "raw", name, RAW))
		return HISTORY_NONE;
	return history_shown_raw(h, RAW);
}

/* The next layer is written on this one. */
static void stand_on(struct history *h, uint64_t parent, size_t moment)
{
	struct moments *memory = &h->memory;
	struct smi_qcow2_chain *images;
	char name[HISTORY_NAME_BYTES];

	history_name(parent, name);
	smi_layer_clear(&memory->last);
	assert_int_equal(
		smi_qcow2_chain_open(memory->folder_fd, name, &images, NULL),
		0);
	assert_int_equal(smi_chain_layer(images, 0, &memory->last, NULL), 0);
	smi_qcow2_chain_close(images);
	moment_copy(&memory->now, &h->moments[moment].memory);
	moment_copy(&memory->saved, &h->moments[moment].memory);
	memory->number = parent;
}

uint64_t history_save(struct history *h, uint64_t parent, size_t moment,
		      bool regions_too)
{
	struct history_moment *saved = &h->moments[h->nmoments++];
	struct smi_folder_file file;
	struct smi_layer layer;

	assert_true(h->nmoments <= HISTORY_MAX);
	if (parent)
		stand_on(h, parent, moment);
	moments_change(&h->memory, &h->rng, regions_too);
	moments_write(&h->memory, !parent, &file, &layer);
	assert_int_equal(smi_folder_commit(&file, ++h->nfiles, NULL), 0);
	moments_committed(&h->memory, h->nfiles, &layer);
	h->parents[h->nfiles] = parent;
	h->shown[h->nfiles] = h->nmoments - 1;
	moment_copy(&saved->memory, &h->memory.now);
	saved->digest = layer.digest;
	saved->time_ns = layer.stats.time_ns;
	saved->disk = view_of(h->nfiles, &saved->npages);
	assert_non_null(saved->disk);
	assert_int_equal(saved->npages, layer.disk_npages);
	saved->relevant = calloc(saved->npages, sizeof(*saved->relevant));
	assert_non_null(saved->relevant);
	mark_all(saved, &layer);
	return h->nfiles;
}

static bool is_moment(const struct history_moment *moment,
		      const struct smudge_layer_info *info)
{
	uint8_t digest[16];

	for (int i = 0; i < 8; i++) {
		digest[i] = (uint8_t)(moment->digest.low >> 8 * i);
		digest[8 + i] = (uint8_t)(moment->digest.high >> 8 * i);
	}
	return moment->time_ns == info->time_ns &&
	       !memcmp(digest, info->digest.bytes, sizeof(digest));
}

/* What the layer itself says that it is. */
static size_t said(struct history *h, struct smudge_chain *chain)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	size_t i = 0;

	assert_int_equal(smudge_chain_layer(chain, 0, &info, NULL), 0);
	while (i < h->nmoments && !is_moment(&h->moments[i], &info))
		i++;
	assert_true(i < h->nmoments);
	return i;
}

/* What may be said of layers that other tools have handled. */
static bool is_named(const struct smudge_error *err)
{
	return err->message[0] && !strchr(err->message, '\n') &&
	       (err->code == -ESTALE || err->code == -EBADMSG ||
		err->code == -ENODATA || err->code == -ENOENT ||
		err->code == -EMEDIUMTYPE);
}

static size_t refused(const struct history *h, const struct smudge_error *err,
		      uint64_t number, const char *what)
{
	if (getenv("SMUDGE_TEST_VERBOSE"))
		fprintf(stderr, "# %s: %d: %d %s\n", what, (int)number,
			err->code, err->message);
	if (!is_named(err))
		fail_msg("%s: layer %d: %d, %s", what, (int)number, err->code,
			 err->message);
	/* A feature that is not read says nothing of the contents. */
	if (err->code == -EMEDIUMTYPE ? !h->has_unread
				      : h->shown[number] != HISTORY_NONE)
		fail_msg("%s: layer %d is right, but: %s", what, (int)number,
			 err->message);
	return HISTORY_NONE;
}

size_t history_check(struct history *h, uint64_t number, const char *what)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options), .folder = ".", .number = number};
	struct smudge_chain *chain;
	struct smudge_error err;
	size_t moment;
	int ret;

	h->shown[number] = shown_by_qemu(h, number);
	ret = smudge_chain_open(&options, &chain, &err);
	if (ret < 0)
		return refused(h, &err, number, what);
	moment = said(h, chain);
	ret = smudge_chain_verify(chain, NULL, NULL, &err);
	if (ret == 0 && h->shown[number] == HISTORY_NONE)
		fail_msg("%s: layer %d is damaged, and verified", what,
			 (int)number);
	if (ret == 0)
		moment_check(&h->moments[moment].memory, chain);
	smudge_chain_close(chain);
	return ret == 0 ? moment : refused(h, &err, number, what);
}
