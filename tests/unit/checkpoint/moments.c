/* SPDX-License-Identifier: MIT */
/*
 * The memory, and how it is saved.
 */
#include "moments.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/place.h"
#include "checkpoint/tail.h"
#include "common/little_endian.h"
#include "qcow2/writer.h"

#define PAGE 4096

static const char *const names[MOMENTS_REGIONS] = {"low", "rom", "high",
						   "huge"};

static void *bytes_of(size_t npages)
{
	void *bytes = calloc(npages, PAGE);

	assert_non_null(bytes);
	return bytes;
}

void moment_copy(struct moment *to, const struct moment *from)
{
	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		uint8_t *bytes = to->regions[i].bytes;

		if (!bytes)
			bytes = bytes_of(MOMENTS_MAX_NPAGES);
		to->regions[i] = from->regions[i];
		to->regions[i].bytes = bytes;
		memcpy(bytes, from->regions[i].bytes,
		       MOMENTS_MAX_NPAGES * PAGE);
	}
}

void moment_clear(struct moment *moment)
{
	for (size_t i = 0; i < MOMENTS_REGIONS; i++)
		free(moment->regions[i].bytes);
	memset(moment, 0, sizeof(*moment));
}

void moments_open(struct moments *m, const char *folder)
{
	*m = (struct moments){.next_id = 1};
	m->folder_fd = smi_folder_open_to_write(folder, NULL);
	assert_true(m->folder_fd >= 0);
	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		m->now.regions[i].bytes = bytes_of(MOMENTS_MAX_NPAGES);
		m->now.regions[i].page_shift = i == 3 ? 16 : 12;
		m->now.regions[i].id = m->next_id++;
	}
	m->now.regions[0].npages = 600;
	m->now.regions[1].npages = 3;
	moment_copy(&m->saved, &m->now);
}

void moments_close(struct moments *m)
{
	smi_layer_clear(&m->last);
	moment_clear(&m->now);
	moment_clear(&m->saved);
	close(m->folder_fd);
}

static void write_page(uint8_t *page, struct test_rng *rng)
{
	uint64_t kind = test_rng_below(rng, 4);

	if (kind == 0) {
		memset(page, 0, PAGE);
	} else if (kind == 1) {
		for (size_t i = 0; i < PAGE; i += 8)
			little_endian_put(page + i, test_rng_next(rng), 8);
	} else {
		memset(page, (int)test_rng_below(rng, 256), PAGE);
		little_endian_put(page + 128, test_rng_next(rng), 8);
	}
}

static void change_size(struct moments *m, struct moment_region *region,
			struct test_rng *rng)
{
	uint64_t unit = UINT64_C(1) << (region->page_shift - 12);
	uint64_t npages = test_rng_below(rng, MOMENTS_MAX_NPAGES) & ~(unit - 1);
	uint64_t had = region->npages;

	/* A region that comes back is another one. */
	if (test_rng_below(rng, 4) == 0) {
		npages = 0;
		region->id = m->next_id++;
	}
	region->npages = npages;
	if (npages < had)
		memset(region->bytes + npages * PAGE, 0, (had - npages) * PAGE);
}

void moments_change(struct moments *m, struct test_rng *rng, bool regions_too)
{
	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		struct moment_region *region = &m->now.regions[i];
		uint64_t n = test_rng_below(rng, 40);

		if (regions_too && test_rng_below(rng, 3) == 0)
			change_size(m, region, rng);
		while (region->npages && n--)
			write_page(region->bytes +
					   test_rng_below(rng, region->npages) *
						   PAGE,
				   rng);
	}
}

void moments_keep_first(struct moments *m)
{
	struct moment_region *region = &m->now.regions[0];
	uint8_t *page = region->bytes + 301 * PAGE;

	if (region->npages <= 301)
		return;
	memset(page, 3, PAGE);
	little_endian_put(page + 128, UINT64_C(0x9e3779b97f4a7c15), 8);
}

/* Which of the memory's regions a layer's is. */
static size_t index_of(const struct smi_layer_region *region)
{
	return region->gpa >> 32;
}

static void add_regions(const struct moments *m, struct smi_layer *layer)
{
	layer->regions = calloc(MOMENTS_REGIONS, sizeof(*layer->regions));
	assert_non_null(layer->regions);
	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		const struct moment_region *from = &m->now.regions[i];
		struct smi_layer_region *to = &layer->regions[layer->nregions];

		if (!from->npages)
			continue;
		to->id = from->id;
		to->page_shift = from->page_shift;
		to->gpa = (uint64_t)i << 32;
		to->size_bytes = from->npages * PAGE;
		strcpy(to->name, names[i]);
		layer->nregions++;
	}
}

/* One layer that is written. */
struct save {
	const struct moments *m;
	struct smi_layer *layer;
	const struct smi_layer *parent; /* or NULL */
	struct smi_qcow2_writer *writer;
	uint8_t *tables; /* of all extents, one after the other */
};

static void put(struct save *s, uint64_t disk_page, const void *bytes)
{
	assert_int_equal(smi_qcow2_writer_data(s->writer, disk_page, 1, bytes,
					       NULL, NULL),
			 0);
}

static bool is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE - 1);
}

/* May the page of the disk differ from what a new one reads as? */
static bool must_put(const struct save *s, uint64_t disk_page, bool is_fresh,
		     bool has_changed, const uint8_t *page)
{
	if (!is_fresh)
		return has_changed;
	return smi_place_showing(s->parent, disk_page, 1) || !is_zero(page);
}

static void add_digest(struct save *s, uint8_t *entry, uint64_t disk_page,
		       const uint8_t *page)
{
	struct smi_qcow2_digest digest = smi_qcow2_digest(disk_page, page);

	little_endian_put(entry, digest.low, 8);
	little_endian_put(entry + 8, digest.high, 8);
	s->layer->digest = smi_qcow2_digest_add(s->layer->digest, digest);
}

static void put_extent(struct save *s, const struct smi_layer_region *region,
		       const struct smi_layer_extent *e, bool is_fresh)
{
	const struct moment_region *now = &s->m->now.regions[index_of(region)];
	const struct moment_region *old =
		&s->m->saved.regions[index_of(region)];
	uint64_t ntable = smi_layer_table_npages(e->npages);
	bool *changed = calloc(ntable, sizeof(*changed));

	assert_non_null(changed);
	for (uint64_t i = 0; i < e->npages; i++) {
		size_t at = (e->first_page + i) * PAGE;
		bool differs = memcmp(now->bytes + at, old->bytes + at, PAGE);

		changed[i / 256] |= differs;
		add_digest(s, s->tables + i * 16, e->disk_page + i,
			   now->bytes + at);
		if (must_put(s, e->disk_page + i, is_fresh, differs,
			     now->bytes + at))
			put(s, e->disk_page + i, now->bytes + at);
	}
	for (uint64_t i = 0; i < ntable; i++)
		if (must_put(s, e->table_page + i, is_fresh, changed[i],
			     s->tables + i * PAGE))
			put(s, e->table_page + i, s->tables + i * PAGE);
	s->tables += ntable * PAGE;
	free(changed);
}

/* What continues has its old extents first. */
static void put_region(struct save *s, size_t index,
		       const struct smi_place_fresh *fresh, size_t nfresh)
{
	const struct smi_layer_region *region = &s->layer->regions[index];
	uint64_t fresh_page = UINT64_MAX;

	for (size_t i = 0; i < nfresh; i++)
		if (fresh[i].region == index)
			fresh_page = fresh[i].first_page;
	for (size_t i = 0; i < region->nextents; i++)
		put_extent(s, region, &region->extents[i],
			   region->extents[i].first_page >= fresh_page);
}

static void add_blob(const struct moments *m, struct smi_layer *layer)
{
	layer->blobs = calloc(1, sizeof(*layer->blobs));
	assert_non_null(layer->blobs);
	layer->nblobs = 1;
	layer->blobs[0].bytes = bytes_of(1);
	layer->blobs[0].length_bytes = 100 + m->number % 100;
	strcpy(layer->blobs[0].name, "devices");
	memset(layer->blobs[0].bytes, (int)m->number + 1,
	       layer->blobs[0].length_bytes);
}

static void create_writer(struct save *s, int fd)
{
	char parent[SMI_FOLDER_NAME_BYTES];
	const struct smi_qcow2_writer_options options = {
		.fd = fd,
		.npages = s->layer->disk_npages,
		.backing_name = s->parent ? parent : NULL,
		.compress = true,
		.nthreads = 1,
	};

	smi_folder_name(s->m->number, parent);
	assert_int_equal(smi_qcow2_writer_create(&options, &s->writer, NULL),
			 0);
}

static void put_all(struct save *s, const struct smi_place_fresh *fresh,
		    size_t nfresh, const uint8_t *tail)
{
	uint8_t *tables = bytes_of(MOMENTS_REGIONS * MOMENTS_MAX_NPAGES);
	uint8_t footer[PAGE];

	s->tables = tables;
	for (size_t i = 0; i < s->layer->nregions; i++)
		put_region(s, i, fresh, nfresh);
	for (uint64_t i = 0; i < s->layer->tail_npages; i++)
		put(s, s->layer->tail_page + i, tail + i * PAGE);
	smi_footer_encode(s->layer, tail, footer);
	put(s, s->layer->disk_npages - 1, footer);
	assert_int_equal(
		smi_qcow2_writer_finish(
			s->writer, &(struct smi_qcow2_writer_stats){0}, NULL),
		0);
	free(tables);
}

void moments_write(struct moments *m, bool is_full,
		   struct smi_folder_file *ret_file,
		   struct smi_layer *ret_layer)
{
	uint64_t time_ns =
		m->step_ns ? (m->number + 1) * m->step_ns : ++m->nwritten;
	struct smi_layer layer = {.stats = {.time_ns = time_ns}};
	struct save save = {.m = m, .layer = &layer};
	struct smi_place_fresh *fresh;
	size_t nfresh, tail_npages;
	uint8_t *tail;

	if (!is_full && m->number) {
		save.parent = &m->last;
		layer.has_parent = true;
		layer.parent = m->last.digest;
	}
	add_regions(m, &layer);
	add_blob(m, &layer);
	assert_int_equal(
		smi_place_regions(save.parent, &layer, &fresh, &nfresh, NULL),
		0);
	assert_int_equal(smi_tail_encode(&layer, &tail, &tail_npages, NULL), 0);
	smi_place_tail(save.parent, &layer, tail_npages);
	assert_int_equal(smi_folder_create(m->folder_fd, ret_file, NULL), 0);
	create_writer(&save, ret_file->fd);
	put_all(&save, fresh, nfresh, tail);
	smi_qcow2_writer_destroy(save.writer);
	free(fresh);
	free(tail);
	*ret_layer = layer;
}

void moments_committed(struct moments *m, uint64_t number,
		       struct smi_layer *layer)
{
	smi_layer_clear(&m->last);
	m->last = *layer;
	m->number = number;
	moment_copy(&m->saved, &m->now);
}

void moments_save(struct moments *m, bool is_full)
{
	struct smi_folder_file file;
	struct smi_layer layer;

	moments_write(m, is_full, &file, &layer);
	assert_int_equal(smi_folder_commit(&file, m->number + 1, NULL), 0);
	moments_committed(m, m->number + 1, &layer);
}
