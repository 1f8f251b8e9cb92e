/* SPDX-License-Identifier: MIT */
/*
 * Questions to a client's bits, and its own marks: each holds the region's lock
 * and asks the bitmap of the client's view. Without a view nothing is dirty.
 */
#include "memory/view.h"

#include <errno.h>

#include "sys/guard.h"

/* The client's bitmap of a region, or NULL. region->lock held. */
static struct smudge_bitmap *bits_of(const struct smudge_client *client,
				     const struct smudge_region *region)
{
	struct smi_view *view = smi_view_find(region, client);

	return view ? view->bitmap : NULL;
}

int smudge_client_mark(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages)
{
	SMI_SYS_GUARD(&region->lock);
	struct smudge_bitmap *bitmap = bits_of(client, region);

	if (!bitmap)
		return -EINVAL;
	smudge_bitmap_set_range(bitmap, first_page, npages);
	return 0;
}

bool smudge_client_test(struct smudge_client *client,
			struct smudge_region *region, uint64_t page)
{
	SMI_SYS_GUARD(&region->lock);
	struct smudge_bitmap *bitmap = bits_of(client, region);

	return bitmap && smudge_bitmap_test(bitmap, page);
}

bool smudge_client_any(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages)
{
	SMI_SYS_GUARD(&region->lock);
	struct smudge_bitmap *bitmap = bits_of(client, region);

	return bitmap && smudge_bitmap_any(bitmap, first_page, npages);
}

bool smudge_client_all(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages)
{
	SMI_SYS_GUARD(&region->lock);
	struct smudge_bitmap *bitmap = bits_of(client, region);

	return bitmap && smudge_bitmap_all(bitmap, first_page, npages);
}

uint64_t smudge_client_count(struct smudge_client *client,
			     struct smudge_region *region, uint64_t first_page,
			     uint64_t npages)
{
	SMI_SYS_GUARD(&region->lock);
	struct smudge_bitmap *bitmap = bits_of(client, region);

	return bitmap ? smudge_bitmap_count(bitmap, first_page, npages) : 0;
}

bool smudge_client_next_dirty(struct smudge_client *client,
			      struct smudge_region *region, uint64_t first_page,
			      uint64_t end_page, struct smudge_run *ret_run)
{
	SMI_SYS_GUARD(&region->lock);
	struct smudge_bitmap *bitmap = bits_of(client, region);

	return bitmap &&
	       smudge_bitmap_next_dirty(bitmap, first_page, end_page, ret_run);
}

bool smudge_client_next_clean(struct smudge_client *client,
			      struct smudge_region *region, uint64_t first_page,
			      uint64_t end_page, struct smudge_run *ret_run)
{
	SMI_SYS_GUARD(&region->lock);
	struct smudge_bitmap *bitmap = bits_of(client, region);

	return bitmap &&
	       smudge_bitmap_next_clean(bitmap, first_page, end_page, ret_run);
}

bool smudge_client_next_both(struct smudge_client *client,
			     struct smudge_region *region,
			     struct smudge_bitmap *mask, uint64_t first_page,
			     uint64_t end_page, struct smudge_run *ret_run)
{
	SMI_SYS_GUARD(&region->lock);
	struct smudge_bitmap *bitmap = bits_of(client, region);

	return bitmap && smudge_bitmap_next_both(mask, bitmap, first_page,
						 end_page, ret_run);
}

uint64_t smudge_client_dirty_pages(struct smudge_client *client)
{
	SMI_SYS_GUARD(&client->memory->lock);
	uint64_t n = 0;

	for (struct smi_view *v = client->views; v; v = v->next_in_client)
		n += smudge_client_count(client, v->region, 0, UINT64_MAX);
	return n;
}
