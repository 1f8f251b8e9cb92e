/* SPDX-License-Identifier: MIT */
/*
 * What is encoded is decoded, for random values of every record; and random
 * bytes are decoded or refused, and no decoder reads beyond them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "wire/control.h"
#include "wire/pages.h"
#include "wire/record.h"
#include "wire/region_table.h"

static void control_records(void **state)
{
	struct test_rng rng = test_rng_start("control_records");

	for (int i = 0; i < 1000; i++) {
		struct smi_wire_end end = {
			.records = test_rng_next(&rng),
			.totals = {test_rng_next(&rng), test_rng_next(&rng),
				   test_rng_next(&rng)},
			.rounds = (uint32_t)test_rng_next(&rng),
		};
		struct smi_wire_round_begin begin = {
			.round = (uint32_t)test_rng_next(&rng),
			.final = test_rng_below(&rng, 2),
			.expected_pages = test_rng_next(&rng),
		};
		struct smi_wire_end end2 = {0};
		struct smi_wire_round_begin begin2 = {0};
		uint8_t bytes[SMI_WIRE_END_BYTES];

		smi_wire_end_encode(&end, bytes);
		assert_int_equal(
			smi_wire_end_decode(bytes, sizeof(bytes), &end2, NULL),
			0);
		assert_int_equal(end.records, end2.records);
		assert_memory_equal(&end.totals, &end2.totals,
				    sizeof(end.totals));
		assert_int_equal(end.rounds, end2.rounds);
		smi_wire_round_begin_encode(&begin, bytes);
		assert_int_equal(smi_wire_round_begin_decode(
					 bytes, SMI_WIRE_ROUND_BEGIN_BYTES,
					 &begin2, NULL),
				 0);
		assert_int_equal(begin.round, begin2.round);
		assert_int_equal(begin.final, begin2.final);
		assert_int_equal(begin.expected_pages, begin2.expected_pages);
	}
}

static void sentences_are_fit_for_a_terminal(void **state)
{
	struct smi_wire_reason reason;
	uint8_t bytes[SMI_WIRE_MAX_REASON];
	char longest[400];
	size_t length;

	length = smi_wire_reason_encode(4, "\033[2Jgone\n\177\200", bytes);
	assert_int_equal(smi_wire_reason_decode(bytes, length, &reason, NULL),
			 0);
	assert_int_equal(reason.code, 4);
	assert_string_equal(reason.sentence, "?[2Jgone???");
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	length = smi_wire_reason_encode(1, longest, bytes);
	assert_int_equal(length, SMI_WIRE_MAX_REASON);
	assert_int_equal(smi_wire_reason_decode(bytes, length, &reason, NULL),
			 0);
	assert_int_equal(strlen(reason.sentence), 199);
	length = smi_wire_reason_encode(1, "", bytes);
	assert_int_equal(smi_wire_reason_decode(bytes, length, &reason, NULL),
			 0);
	assert_int_equal(smi_wire_reason_decode(bytes, 4, &reason, NULL),
			 -EBADMSG);
}

static void region_tables(void **state)
{
	struct test_rng rng = test_rng_start("region_tables");

	for (int i = 0; i < 200; i++) {
		struct smi_wire_region in[8] = {0};
		struct smi_wire_region *out;
		size_t n = 1 + test_rng_below(&rng, 8);
		uint64_t gpa = 0;
		uint8_t bytes[1024];
		size_t nout;

		for (size_t j = 0; j < n; j++) {
			uint32_t shift =
				12 + (uint32_t)test_rng_below(&rng, 19);
			uint64_t page = UINT64_C(1) << shift;

			gpa = (gpa + page - 1) & ~(page - 1);
			in[j].gpa = gpa;
			in[j].page_shift = shift;
			in[j].size_bytes = page * (1 + test_rng_below(&rng, 9));
			memset(in[j].name, 'a' + (int)j,
			       1 + test_rng_below(&rng, 63));
			gpa += in[j].size_bytes;
		}
		smi_wire_region_table_encode(in, n, bytes);
		assert_int_equal(smi_wire_region_table_decode(
					 bytes,
					 smi_wire_region_table_bytes(in, n),
					 &out, &nout, NULL),
				 0);
		assert_int_equal(nout, n);
		assert_memory_equal(in, out, n * sizeof(in[0]));
		free(out);
	}
}

/* No record may make a decoder read beyond it: run it under a sanitizer. */
static void random_bytes(void **state)
{
	struct test_rng rng = test_rng_start("random_bytes");
	const struct smi_wire_region region = {
		.name = "r", .size_bytes = 4096, .page_shift = 12};

	for (int i = 0; i < 20000; i++) {
		size_t length = test_rng_below(&rng, 100);
		uint8_t *bytes = malloc(length ? length : 1);
		struct smi_wire_region *table;
		struct smi_wire_pages pages;
		struct smi_wire_state section;
		size_t n;

		for (size_t j = 0; j < length; j++)
			bytes[j] = test_rng_below(&rng, 4)
					   ? 0
					   : (uint8_t)test_rng_next(&rng);
		if (!smi_wire_region_table_decode(bytes, length, &table, &n,
						  NULL))
			free(table);
		if (!smi_wire_zero_decode(&region, 1, bytes, length, &pages,
					  NULL))
			assert_int_equal(pages.npages, 1);
		assert_int_equal(smi_wire_pages_decode(&region, 1, bytes,
						       length, &pages, NULL),
				 -EBADMSG);
		smi_wire_state_decode(bytes, length, &section, NULL);
		free(bytes);
	}
}

TEST_MAIN(control_records, sentences_are_fit_for_a_terminal, region_tables,
	  random_bytes)
