/* SPDX-License-Identifier: MIT */
/*
 * Reading places of one image: a span of the file is collected, read by one
 * call, and what is compressed in it is unpacked.
 */
#include "qcow2/fetch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "qcow2/decompress.h"
#include "qcow2/format.h"

#define WHERE "qcow2"

#define PACKED_BYTES (1U << 20)
/* To read so many in vain is cheaper than another call. */
#define MAX_GAP_BYTES SMI_QCOW2_PAGE_BYTES
/* Of a file, unless the first place is longer. */
#define MAX_SPAN_BYTES (SMI_QCOW2_FETCH_PAGES * SMI_QCOW2_PAGE_BYTES)

/* Places that are read by one call: bytes [file_off, end_off) of the file. */
struct span {
	struct smi_qcow2_fetch *fetch;
	const struct smi_qcow2_image *image;
	const struct smi_qcow2_target *target;
	struct smudge_error *err;

	struct smi_qcow2_place *places;
	size_t nplaces;
	uint64_t file_off, end_off;
	size_t niovecs;
	uint32_t packed_used; /* of the buffer for compressed data */
	bool is_packed;	      /* the last iovec is in that buffer, and */
	uint64_t packed_off;  /* begins there in the file */
};

void smi_qcow2_fetch_init(struct smi_qcow2_fetch *fetch,
			  struct smi_qcow2_stack *stack)
{
	memset(fetch, 0, sizeof(*fetch));
	fetch->stack = stack;
}

void smi_qcow2_fetch_clear(struct smi_qcow2_fetch *fetch)
{
	ZSTD_freeDCtx(fetch->context);
	free(fetch->packed);
	free(fetch->cluster);
}

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
}

/* Make a buffer at least so long; its content is lost. */
static int reserve(uint8_t **buffer, size_t *have_bytes, size_t bytes,
		   struct smudge_error *err)
{
	if (*have_bytes >= bytes)
		return 0;
	free(*buffer);
	*buffer = malloc(bytes);
	*have_bytes = *buffer ? bytes : 0;
	return *buffer ? 0 : no_memory(err);
}

static uint8_t *in_buffer(const struct span *span,
			  const struct smi_qcow2_place *place)
{
	return smi_qcow2_target_at(span->target, place->first_page);
}

static uint64_t file_bytes_of(const struct smi_qcow2_place *place)
{
	return place->kind == SMI_QCOW2_KIND_RAW ? place->shown_bytes
						 : place->length_bytes;
}

static bool fits(const struct span *span, const struct smi_qcow2_place *place)
{
	uint64_t needed = 2 * MAX_GAP_BYTES + place->length_bytes;

	if (!span->nplaces)
		return true;
	if (span->niovecs + 2 > SMI_QCOW2_FETCH_IOVECS ||
	    place->file_off + file_bytes_of(place) - span->file_off >
		    MAX_SPAN_BYTES ||
	    span->packed_used + needed > span->fetch->packed_bytes)
		return false;
	if (place->file_off >= span->end_off)
		return place->file_off - span->end_off <= MAX_GAP_BYTES;
	/* Compressed clusters have part of a sector in common. */
	return place->kind == SMI_QCOW2_KIND_COMPRESSED && span->is_packed &&
	       place->file_off >= span->packed_off;
}

static void add_iovec(struct span *span, void *at, size_t bytes)
{
	span->fetch->iovecs[span->niovecs++] = (struct iovec){at, bytes};
	span->end_off += bytes;
}

/* Read the next bytes of the file into the packed buffer. */
static void add_packed(struct span *span, uint64_t bytes)
{
	if (!bytes)
		return;
	if (span->is_packed) {
		span->fetch->iovecs[span->niovecs - 1].iov_len += (size_t)bytes;
		span->end_off += bytes;
	} else {
		span->is_packed = true;
		span->packed_off = span->end_off;
		add_iovec(span, span->fetch->packed + span->packed_used,
			  (size_t)bytes);
	}
	span->packed_used += (uint32_t)bytes;
}

/* Add a place that fits. */
static void add_place(struct span *span, struct smi_qcow2_place *place)
{
	uint64_t end_off = place->file_off + file_bytes_of(place);

	if (!span->nplaces++) {
		span->places = place;
		span->file_off = span->end_off = place->file_off;
	}
	if (place->file_off > span->end_off)
		add_packed(span, place->file_off - span->end_off);
	if (place->kind == SMI_QCOW2_KIND_RAW) {
		if (place->shown_bytes)
			add_iovec(span, in_buffer(span, place),
				  (size_t)place->shown_bytes);
		span->is_packed = false;
		return;
	}
	place->packed_at =
		span->packed_used - (uint32_t)(span->end_off - place->file_off);
	if (end_off > span->end_off)
		add_packed(span, end_off - span->end_off);
}

/* Drop the first @bytes of what iovecs describe. */
static void advance(struct iovec **iovec, size_t *n, size_t bytes)
{
	while (*n && bytes >= (*iovec)->iov_len) {
		bytes -= (*iovec)->iov_len;
		++*iovec;
		--*n;
	}
	if (!*n)
		return;
	(*iovec)->iov_base = (uint8_t *)(*iovec)->iov_base + bytes;
	(*iovec)->iov_len -= bytes;
}

static int read_span(const struct span *span)
{
	struct iovec *iovec = span->fetch->iovecs;
	uint64_t file_off = span->file_off;
	size_t n = span->niovecs;

	while (n) {
		ssize_t got = preadv(span->fetch->stack->fd, iovec, (int)n,
				     (off_t)file_off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int code = -errno;

			return smudge_error_set(span->err, code, WHERE,
						"%.100s: cannot be read: %s",
						span->image->name,
						strerror(-code));
		}
		if (got == 0)
			return smudge_error_set(span->err, -ESTALE, WHERE,
						"%.100s: was cut since it was "
						"opened",
						span->image->name);
		file_off += (uint64_t)got;
		advance(&iovec, &n, (size_t)got);
	}
	return 0;
}

static int decompress(const struct span *span,
		      const struct smi_qcow2_place *place, uint8_t *to)
{
	struct smi_qcow2_fetch *fetch = span->fetch;
	int ret;

	if (!fetch->context)
		fetch->context = ZSTD_createDCtx();
	if (!fetch->context)
		return no_memory(span->err);
	ret = smi_qcow2_decompress(
		fetch->context, fetch->packed + place->packed_at,
		place->length_bytes, to,
		(size_t)1 << span->image->header.cluster_bits);
	if (!ret)
		return 0;
	return smudge_error_set(span->err, ret, WHERE,
				"%.100s: the compressed cluster at %llu is "
				"damaged",
				span->image->name,
				(unsigned long long)place->file_off);
}

static bool has_cluster(const struct smi_qcow2_fetch *fetch,
			const struct smi_qcow2_place *place)
{
	const struct smi_qcow2_place *of = &fetch->cluster_of;

	return of->npages && of->image == place->image &&
	       of->file_off == place->file_off &&
	       of->length_bytes == place->length_bytes;
}

/* Only some pages of a cluster are wanted, perhaps others of it soon. */
static int unpack_some(const struct span *span,
		       const struct smi_qcow2_place *place)
{
	struct smi_qcow2_fetch *fetch = span->fetch;
	size_t cluster_bytes = (size_t)1 << span->image->header.cluster_bits;
	size_t skip_bytes = (size_t)place->skip_pages << SMI_QCOW2_PAGE_SHIFT;
	int ret = 0;

	if (!has_cluster(fetch, place)) {
		fetch->cluster_of.npages = 0;
		ret = reserve(&fetch->cluster, &fetch->cluster_bytes,
			      cluster_bytes, span->err);
		if (!ret)
			ret = decompress(span, place, fetch->cluster);
	}
	if (ret)
		return ret;
	fetch->cluster_of = *place;
	memcpy(in_buffer(span, place), fetch->cluster + skip_bytes,
	       (size_t)place->npages << SMI_QCOW2_PAGE_SHIFT);
	return 0;
}

/* Is it one page, whose data fit where the page would be? */
static bool stays_packed(const struct span *span,
			 const struct smi_qcow2_place *place)
{
	return span->target->packed_bytes &&
	       span->image->header.cluster_bits == SMI_QCOW2_PAGE_SHIFT &&
	       place->shown_bytes == SMI_QCOW2_PAGE_BYTES &&
	       place->length_bytes <= SMI_QCOW2_PAGE_BYTES;
}

static int copy_packed(const struct span *span,
		       const struct smi_qcow2_place *place)
{
	const struct smi_qcow2_target *target = span->target;

	memcpy(in_buffer(span, place), span->fetch->packed + place->packed_at,
	       place->length_bytes);
	target->packed_bytes[place->first_page - target->first_page] =
		(uint16_t)place->length_bytes;
	return 0;
}

static int unpack(const struct span *span, const struct smi_qcow2_place *place)
{
	unsigned int shift =
		span->image->header.cluster_bits - SMI_QCOW2_PAGE_SHIFT;

	if (stays_packed(span, place))
		return copy_packed(span, place);
	if (place->npages == UINT64_C(1) << shift)
		return decompress(span, place, in_buffer(span, place));
	return unpack_some(span, place);
}

/* Read what was added, and begin anew. */
static int flush(struct span *span)
{
	int ret = read_span(span);

	for (size_t i = 0; !ret && i < span->nplaces; i++) {
		const struct smi_qcow2_place *place = &span->places[i];
		size_t bytes = (size_t)place->npages << SMI_QCOW2_PAGE_SHIFT;

		if (place->kind == SMI_QCOW2_KIND_COMPRESSED)
			ret = unpack(span, place);
		if (place->shown_bytes < bytes)
			memset(in_buffer(span, place) + place->shown_bytes, 0,
			       bytes - (size_t)place->shown_bytes);
		if (!ret)
			ret = smi_qcow2_target_check(
				span->target, place->first_page, place->npages);
	}
	span->nplaces = 0;
	span->niovecs = 0;
	span->packed_used = 0;
	span->is_packed = false;
	return ret;
}

int smi_qcow2_fetch_image(struct smi_qcow2_fetch *fetch,
			  struct smi_qcow2_place *places, size_t n,
			  const struct smi_qcow2_target *target,
			  struct smudge_error *err)
{
	struct span span = {
		.fetch = fetch,
		.image = smi_qcow2_stack_image(fetch->stack, places->image),
		.target = target,
		.err = err,
	};
	uint32_t longest = 0;
	int ret = smi_qcow2_stack_open(fetch->stack, places->image, err);

	for (size_t i = 0; i < n; i++) {
		if (places[i].length_bytes > longest)
			longest = places[i].length_bytes;
	}
	if (!ret)
		ret = reserve(&fetch->packed, &fetch->packed_bytes,
			      PACKED_BYTES + longest, err);
	for (size_t i = 0; !ret && i < n; i++) {
		if (!fits(&span, &places[i]))
			ret = flush(&span);
		if (!ret)
			add_place(&span, &places[i]);
	}
	return ret ? ret : flush(&span);
}
