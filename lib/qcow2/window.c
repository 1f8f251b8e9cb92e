/* SPDX-License-Identifier: MIT */
/*
 * The pass over the images that finds each page of a window.
 */
#include "qcow2/window.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "qcow2/cluster.h"
#include "qcow2/tables.h"

#define WHERE "qcow2"

/* A pass over one image's tables. */
struct pass {
	struct smi_qcow2_window *window;
	unsigned int cluster_shift; /* pages in a cluster */
	uint16_t owner;
	uint64_t end_page; /* where the image's shown part ends */
	uint64_t missing;  /* pages of the window that no image has yet */
	struct smudge_error *err;
};

static size_t mapped_bytes(const struct smi_qcow2_window *window)
{
	size_t npages = (size_t)(window->end_page - window->first_page);

	return npages * (sizeof(*window->entries) + sizeof(*window->owners));
}

static int map(struct smi_qcow2_window *window, struct smudge_error *err)
{
	size_t npages = (size_t)(window->end_page - window->first_page);
	void *at = mmap(NULL, mapped_bytes(window), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	/* A huge page would be 2 MiB for one page that has data. */
	(void)madvise(at, mapped_bytes(window), MADV_NOHUGEPAGE);
	window->entries = at;
	window->owners = (uint16_t *)(window->entries + npages);
	return 0;
}

/* What no image above has becomes this image's. */
static void own_cluster(struct pass *pass, uint64_t first, uint64_t entry)
{
	struct smi_qcow2_window *window = pass->window;
	uint64_t end = first + (UINT64_C(1) << pass->cluster_shift);

	if (first < window->first_page)
		first = window->first_page;
	if (end > pass->end_page)
		end = pass->end_page;
	for (uint64_t page = first; page < end; page++) {
		size_t i = (size_t)(page - window->first_page);

		if (window->owners[i])
			continue;
		window->owners[i] = pass->owner;
		window->entries[i] = entry;
		pass->missing--;
	}
}

/* Entries that are looked at together. */
#define GROUP_ENTRIES 8

/* Are they all 0, as most are in a layer of few pages? */
static bool are_zero(const uint8_t *entries)
{
	uint64_t any = 0;

	for (size_t i = 0; i < GROUP_ENTRIES; i++) {
		uint64_t entry;

		memcpy(&entry, entries + i * sizeof(entry), sizeof(entry));
		any |= entry;
	}
	return !any;
}

static void own_group(struct pass *pass, uint64_t cluster,
		      const uint8_t *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t entry;

		memcpy(&entry, entries + i * sizeof(entry), sizeof(entry));
		entry = be64toh(entry);
		if (smi_qcow2_entry_is_allocated(entry))
			own_cluster(pass, (cluster + i) << pass->cluster_shift,
				    entry);
	}
}

static int own_entries(void *opaque, uint64_t cluster, const uint8_t *entries,
		       size_t n)
{
	struct pass *pass = opaque;
	int ret = pass->window->entries ? 0 : map(pass->window, pass->err);

	for (size_t i = 0; !ret && i < n; i += GROUP_ENTRIES) {
		const uint8_t *group = entries + i * sizeof(uint64_t);

		if (n - i < GROUP_ENTRIES)
			own_group(pass, cluster + i, group, n - i);
		else if (!are_zero(group))
			own_group(pass, cluster + i, group, GROUP_ENTRIES);
	}
	return ret;
}

static int pass_over_images(struct smi_qcow2_window *window,
			    struct smi_qcow2_stack *stack,
			    struct smudge_error *err)
{
	struct pass pass = {
		.window = window,
		.missing = window->end_page - window->first_page,
		.err = err,
	};
	struct smi_qcow2_walk *walk =
		smi_qcow2_walk_create(stack, own_entries, &pass);
	int ret = 0;

	if (!walk)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	for (size_t i = 0; !ret && i < stack->depth && pass.missing; i++) {
		const struct smi_qcow2_image *image =
			smi_qcow2_stack_image(stack, i);

		pass.cluster_shift =
			image->header.cluster_bits - SMI_QCOW2_PAGE_SHIFT;
		pass.owner = (uint16_t)(i + 1);
		pass.end_page = smi_qcow2_stack_end_page(stack, i);
		if (pass.end_page <= window->first_page)
			break; /* and those below show no more */
		if (pass.end_page > window->end_page)
			pass.end_page = window->end_page;
		ret = smi_qcow2_walk_image(walk, i, window->first_page,
					   pass.end_page, err);
	}
	smi_qcow2_walk_destroy(walk);
	return ret;
}

/* No image has anything in the window: make it as long as that stays so. */
static int extend(struct smi_qcow2_window *window,
		  struct smi_qcow2_stack *stack, uint64_t last_page,
		  struct smudge_error *err)
{
	uint64_t end = last_page;
	int ret = 0;

	for (size_t i = 0; !ret && i < stack->depth; i++) {
		uint64_t shown = smi_qcow2_stack_end_page(stack, i);
		uint64_t limit = shown < end ? shown : end;
		uint64_t next;

		if (limit <= window->end_page)
			continue;
		ret = smi_qcow2_tables_next(stack, i, window->end_page, limit,
					    &next, err);
		if (!ret && next < limit)
			end = next;
	}
	if (!ret && end > window->end_page)
		window->end_page = end;
	return ret;
}

int smi_qcow2_window_load(struct smi_qcow2_window *window,
			  struct smi_qcow2_stack *stack, uint64_t first_page,
			  uint64_t end_page, uint64_t last_page,
			  struct smudge_error *err)
{
	int ret;

	window->first_page = first_page;
	window->end_page = end_page;
	ret = pass_over_images(window, stack, err);
	if (!ret && !window->entries)
		ret = extend(window, stack, last_page, err);
	if (ret)
		smi_qcow2_window_unload(window);
	return ret;
}

void smi_qcow2_window_unload(struct smi_qcow2_window *window)
{
	if (window->entries)
		munmap(window->entries, mapped_bytes(window));
	*window = (struct smi_qcow2_window){0};
}
