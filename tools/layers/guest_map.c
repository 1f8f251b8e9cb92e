/* SPDX-License-Identifier: MIT */
/*
 * Ranges of a QEMU's guest.
 *
 * What the guest sees has gaps where a device or firmware covers memory, such
 * as the screen's window below 1 MiB. A machine divides a backend into few
 * parts, each with one distance between address and offset; so the parts
 * without gaps are from the first offset of a distance to the first one of the
 * next.
 */
#include "layers/guest_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layers/regions.h"

#define NAME	   "layers"
#define PAGE_BYTES UINT64_C(4096)

static int damaged(struct smudge_error *err)
{
	return smudge_error_set(err, -EBADMSG, NAME,
				"the layer's map of the guest's memory is "
				"damaged");
}

static const struct qemu_backend *find_backend(const struct layers_guest *guest,
					       const char *id)
{
	const struct qemu_machine *machine = &guest->machine;

	for (size_t i = 0; i < machine->nbackends; i++)
		if (strcmp(machine->backends[i].id, id) == 0)
			return &machine->backends[i];
	return NULL;
}

/* The chain's region of a backend. Return: its size, 0: there is none. */
static uint64_t find_region(const struct layers_guest *guest, const char *id,
			    size_t *ret_region)
{
	const struct qemu_backend *backend = find_backend(guest, id);

	if (!backend ||
	    !layers_find_region(guest->chain, backend->region, ret_region))
		return 0;
	return layers_region(guest->chain, *ret_region).size_bytes;
}

/* Is it a part of memory of so many bytes, behind the one before? */
static bool fits(const struct qemu_mapped *mapped, uint64_t end_gpa,
		 uint64_t size)
{
	return mapped->gpa >= end_gpa && mapped->offset <= size &&
	       mapped->nbytes <= size - mapped->offset &&
	       mapped->nbytes <= INT64_MAX - mapped->gpa &&
	       ((mapped->gpa | mapped->nbytes | mapped->offset) &
		(PAGE_BYTES - 1)) == 0;
}

static int take_seen(struct layers_guest *guest, struct smudge_error *err)
{
	uint64_t end_gpa = 0;

	for (size_t i = 0; i < guest->machine.nmapped; i++) {
		const struct qemu_mapped *mapped = &guest->machine.mapped[i];
		struct layers_range *range = &guest->seen[i];

		if (!fits(mapped, end_gpa,
			  find_region(guest, mapped->backend, &range->region)))
			return damaged(err);
		range->gpa = mapped->gpa;
		range->nbytes = mapped->nbytes;
		range->region_off = mapped->offset;
		end_gpa = range->gpa + range->nbytes;
	}
	guest->nseen = guest->machine.nmapped;
	return 0;
}

static uint64_t distance(const struct layers_range *range)
{
	return range->gpa - range->region_off;
}

static int by_offset(const void *a, const void *b)
{
	const struct layers_range *one = a, *other = b;

	if (one->region != other->region)
		return one->region < other->region ? -1 : 1;
	return (one->region_off > other->region_off) -
	       (one->region_off < other->region_off);
}

static int by_gpa(const void *a, const void *b)
{
	const struct layers_range *one = a, *other = b;

	return (one->gpa > other->gpa) - (one->gpa < other->gpa);
}

/* In the order of offsets: parts of one distance are one. */
static void join(struct layers_guest *guest)
{
	size_t n = 0;

	for (size_t i = 0; i < guest->nall; i++) {
		const struct layers_range *next = &guest->all[i];
		struct layers_range *last = n ? &guest->all[n - 1] : NULL;

		if (last && last->region == next->region &&
		    distance(last) == distance(next))
			last->nbytes = next->region_off + next->nbytes -
				       last->region_off;
		else
			guest->all[n++] = *next;
	}
	guest->nall = n;
}

/* Where the next part of its backend begins, or the backend ends. */
static uint64_t end_of(const struct layers_guest *guest, size_t i)
{
	const struct layers_range *range = &guest->all[i];

	if (i + 1 < guest->nall && range[1].region == range->region)
		return range[1].region_off;
	return layers_region(guest->chain, range->region).size_bytes;
}

/* To the next part of the backend, and over its beginning and end. */
static void widen(struct layers_guest *guest)
{
	for (size_t i = 0; i < guest->nall; i++) {
		struct layers_range *range = &guest->all[i];
		bool is_first = i == 0 || range[-1].region != range->region;
		uint64_t end = end_of(guest, i);

		if (is_first && range->region_off <= range->gpa) {
			range->gpa -= range->region_off;
			range->region_off = 0;
		}
		range->nbytes = end - range->region_off;
	}
}

/* Is no byte of memory at the address of another one? */
static bool are_apart(const struct layers_guest *guest)
{
	for (size_t i = 0; i < guest->nall; i++) {
		const struct layers_range *range = &guest->all[i];

		if (range->nbytes > INT64_MAX - range->gpa ||
		    (i && range->gpa < range[-1].gpa + range[-1].nbytes))
			return false;
	}
	return true;
}

static bool overlap(const struct layers_guest *guest)
{
	for (size_t i = 1; i < guest->nall; i++) {
		const struct layers_range *range = &guest->all[i];

		if (range[-1].region == range->region &&
		    range[-1].region_off + range[-1].nbytes > range->region_off)
			return true;
	}
	return false;
}

int layers_guest_need_map(const struct layers_guest *guest,
			  struct smudge_error *err)
{
	if (guest->nall)
		return 0;
	return smudge_error_set(err, -ENODATA, NAME,
				"the layer does not say at which addresses the "
				"guest has its memory");
}

static int copy_seen(struct layers_guest *guest, struct smudge_error *err)
{
	size_t n = guest->machine.nmapped;

	guest->seen = calloc(n, sizeof(*guest->seen));
	guest->all = calloc(n, sizeof(*guest->all));
	if (!guest->seen || !guest->all)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	if (take_seen(guest, err))
		return -EBADMSG;
	memcpy(guest->all, guest->seen, n * sizeof(*guest->all));
	guest->nall = n;
	return 0;
}

int layers_guest_map(struct layers_guest *guest, struct smudge_error *err)
{
	int ret = guest->machine.nmapped ? copy_seen(guest, err) : 0;

	if (ret || !guest->nall)
		return ret;
	qsort(guest->all, guest->nall, sizeof(*guest->all), by_offset);
	if (overlap(guest))
		return damaged(err);
	join(guest);
	widen(guest);
	qsort(guest->all, guest->nall, sizeof(*guest->all), by_gpa);
	return are_apart(guest) ? 0 : damaged(err);
}
