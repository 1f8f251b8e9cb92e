/* SPDX-License-Identifier: MIT */
/*
 * Building streams. The builders seal every record with a right checksum, so
 * that what a test makes wrong is the only thing that is.
 */
#include "stream.h"

#include <string.h>

#include "wire/bytes.h"
#include "wire/pages.h"
#include "wire/record.h"

static const struct smi_wire_region regions[] = {
	{.name = "ram",
	 .gpa = 0,
	 .size_bytes = STREAM_RAM_PAGES * SMI_WIRE_PAGE_BYTES,
	 .page_shift = 12},
	{.name = "vram",
	 .gpa = 0x100000,
	 .size_bytes = STREAM_VRAM_PAGES * SMI_WIRE_PAGE_BYTES,
	 .page_shift = 12},
};

const struct smi_wire_region *stream_regions(void)
{
	return regions;
}

void stream_begin(struct stream *stream)
{
	memset(stream, 0, sizeof(*stream));
}

void stream_greeting(struct stream *stream,
		     const struct smi_wire_greeting *greeting)
{
	smi_wire_greeting_encode(greeting, stream->bytes + stream->length);
	stream->length += SMI_WIRE_GREETING_BYTES;
}

void stream_record(struct stream *stream, uint32_t type, uint32_t flags,
		   const void *payload, size_t length)
{
	uint8_t *record = stream->bytes + stream->length;

	stream->starts[stream->nrecords++] = stream->length;
	if (length)
		memcpy(record + SMI_WIRE_HEADER_BYTES, payload, length);
	smi_wire_record_seal(record, type, flags, length);
	stream->length += SMI_WIRE_HEADER_BYTES + length;
}

void stream_region_table(struct stream *stream,
			 const struct smi_wire_region *table, size_t n)
{
	uint8_t payload[1024];

	smi_wire_region_table_encode(table, n, payload);
	stream_record(stream, SMI_WIRE_REGION_TABLE, 0, payload,
		      smi_wire_region_table_bytes(table, n));
}

void stream_round_begin(struct stream *stream, uint32_t round, bool final)
{
	struct smi_wire_round_begin begin = {.round = round, .final = final};
	uint8_t payload[SMI_WIRE_ROUND_BEGIN_BYTES];

	smi_wire_round_begin_encode(&begin, payload);
	memset(&stream->round_totals, 0, sizeof(stream->round_totals));
	stream_record(stream, SMI_WIRE_ROUND_BEGIN, 0, payload,
		      sizeof(payload));
}

static uint64_t sum(const struct smudge_run *runs, size_t nruns)
{
	uint64_t npages = 0;

	for (size_t i = 0; i < nruns; i++)
		npages += runs[i].npages;
	return npages;
}

void stream_pages(struct stream *stream, uint32_t region,
		  const struct smudge_run *runs, size_t nruns, uint8_t fill)
{
	uint8_t payload[1024 + 16 * SMI_WIRE_PAGE_BYTES];
	uint64_t npages = sum(runs, nruns);
	size_t head = smi_wire_runs_bytes(nruns);

	npages = npages < 16 ? npages : 16;
	smi_wire_runs_encode(region, runs, nruns, payload);
	for (size_t i = 0; i < npages * SMI_WIRE_PAGE_BYTES; i++)
		payload[head + i] = (uint8_t)(fill + i % 251);
	stream->totals.pages += npages;
	stream->totals.content_bytes += npages * SMI_WIRE_PAGE_BYTES;
	stream->round_totals.pages += npages;
	stream->round_totals.content_bytes += npages * SMI_WIRE_PAGE_BYTES;
	stream_record(stream, SMI_WIRE_PAGES, 0, payload,
		      head + npages * SMI_WIRE_PAGE_BYTES);
}

void stream_zero(struct stream *stream, uint32_t region,
		 const struct smudge_run *runs, size_t nruns)
{
	uint8_t payload[1024];

	smi_wire_runs_encode(region, runs, nruns, payload);
	stream->totals.zero_pages += sum(runs, nruns);
	stream->round_totals.zero_pages += sum(runs, nruns);
	stream_record(stream, SMI_WIRE_ZERO, 0, payload,
		      smi_wire_runs_bytes(nruns));
}

void stream_round_end(struct stream *stream, uint32_t round)
{
	struct smi_wire_round_end end = {.round = round,
					 .totals = stream->round_totals};
	uint8_t payload[SMI_WIRE_ROUND_END_BYTES];

	smi_wire_round_end_encode(&end, payload);
	stream_record(stream, SMI_WIRE_ROUND_END, 0, payload, sizeof(payload));
}

void stream_state(struct stream *stream)
{
	uint8_t payload[64];
	size_t head = smi_wire_state_head_bytes();

	smi_wire_state_head_encode(payload);
	memcpy(payload + head, STREAM_STATE, sizeof(STREAM_STATE));
	stream_record(stream, SMI_WIRE_STATE, 0, payload,
		      head + sizeof(STREAM_STATE));
}

void stream_end(struct stream *stream, uint32_t rounds)
{
	struct smi_wire_end end = {.records = stream->nrecords,
				   .totals = stream->totals,
				   .rounds = rounds};
	uint8_t payload[SMI_WIRE_END_BYTES];

	smi_wire_end_encode(&end, payload);
	stream_record(stream, SMI_WIRE_END, 0, payload, sizeof(payload));
}

void stream_first_round(struct stream *stream)
{
	static const struct smi_wire_greeting greeting = {
		.version = SMI_WIRE_VERSION, .role = SMI_WIRE_SENDER};
	static const struct smudge_run content = {.first_page = 3, .npages = 2};
	static const struct smudge_run zeros[] = {
		{.first_page = 0, .npages = 3},
		{.first_page = 5, .npages = 11},
	};
	static const struct smudge_run vram[] = {
		{.first_page = 0, .npages = 1},
		{.first_page = 3, .npages = 1},
	};
	static const struct smudge_run vram_zeros = {.first_page = 1,
						     .npages = 2};

	stream_greeting(stream, &greeting);
	stream_region_table(stream, regions, 2);
	stream_round_begin(stream, 1, false);
	stream_pages(stream, 0, &content, 1, 1);
	stream_zero(stream, 0, zeros, 2);
	stream_pages(stream, 1, vram, 2, 2);
	stream_zero(stream, 1, &vram_zeros, 1);
	stream_round_end(stream, 1);
}

void stream_final_round(struct stream *stream)
{
	static const struct smudge_run rest = {.first_page = 15, .npages = 1};

	stream_round_begin(stream, 2, true);
	stream_pages(stream, 0, &rest, 1, 3);
	stream_round_end(stream, 2);
	stream_state(stream);
}

void stream_good(struct stream *stream)
{
	stream_begin(stream);
	stream_first_round(stream);
	stream_final_round(stream);
	stream_end(stream, 2);
	stream_record(stream, SMI_WIRE_GO, 0, NULL, 0);
}
