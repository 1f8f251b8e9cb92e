/* SPDX-License-Identifier: MIT */
/*
 * Writes the golden streams of the current version into the directory given.
 * Run by hand when a version is made, never by the build: the files stay as
 * they are for ever, also when this program changes.
 */
#include <stdio.h>
#include <string.h>

#include "stream.h"
#include "wire/bytes.h"
#include "wire/record.h"

static const char *directory;
static struct stream stream;

static int save(const char *name)
{
	char path[512];
	FILE *file;
	size_t written;

	snprintf(path, sizeof(path), "%s/v1-%s.stream", directory, name);
	file = fopen(path, "wb");
	if (!file)
		return 1;
	written = fwrite(stream.bytes, 1, stream.length, file);
	return fclose(file) != 0 || written != stream.length;
}

/* Seal the record that begins at @start again. */
static void reseal(size_t start)
{
	uint8_t *record = stream.bytes + start;

	smi_wire_record_seal(record, smi_wire_get_u32(record),
			     smi_wire_get_u32(record + 4),
			     smi_wire_get_u64(record + 8));
}

static void regreet(uint32_t version, uint32_t role, uint64_t mandatory,
		    uint64_t optional)
{
	struct smi_wire_greeting greeting = {.version = version,
					     .role = role,
					     .mandatory = mandatory,
					     .optional = optional};

	stream_good(&stream);
	smi_wire_greeting_encode(&greeting, stream.bytes);
}

static int greetings(void)
{
	int failed = 0;

	stream_good(&stream);
	failed |= save("good");
	memcpy(stream.bytes, "SSH-2.0-", 8);
	failed |= save("magic");
	regreet(2, SMI_WIRE_SENDER, 0, 0);
	failed |= save("version");
	regreet(1, SMI_WIRE_RECEIVER, 0, 0);
	failed |= save("role");
	regreet(1, SMI_WIRE_SENDER, 4, 0);
	failed |= save("mandatory-feature");
	regreet(1, SMI_WIRE_SENDER, 0, 4);
	failed |= save("optional-feature");
	stream_good(&stream);
	stream.bytes[33] ^= 1;
	return failed | save("greeting-checksum");
}

static int damage(void)
{
	int failed = 0;

	stream_good(&stream);
	stream.length = stream.starts[3];
	failed |= save("truncated-between");
	stream.length = stream.starts[3] + 100;
	failed |= save("truncated-inside");
	stream_good(&stream);
	stream.bytes[stream.starts[2] + 200] ^= 0x10;
	failed |= save("bit-flip");
	stream_good(&stream);
	smi_wire_put_u64(stream.bytes + stream.starts[2] + 8, 1052681);
	failed |= save("oversized-pages");
	stream_good(&stream);
	smi_wire_put_u64(stream.bytes + stream.starts[0] + 8, UINT64_MAX);
	return failed | save("oversized-table");
}

static int unknown(void)
{
	int failed = 0;

	for (uint32_t flags = 0; flags < 2; flags++) {
		stream_begin(&stream);
		stream_first_round(&stream);
		stream_record(&stream, 0x77, flags, "news", 4);
		stream_final_round(&stream);
		stream_end(&stream, 2);
		stream_record(&stream, SMI_WIRE_GO, 0, NULL, 0);
		failed |= save(flags ? "skippable" : "unknown-record");
	}
	return failed;
}

/* One field of one record of the good stream changed, and sealed again. */
static const struct edit {
	const char *name;
	size_t record;
	size_t offset; /* in the payload */
	uint64_t value;
	size_t bytes; /* 4 or 8 */
} edits[] = {
	{"no-region", 2, 0, 2, 4},	 {"no-runs", 2, 4, 0, 4},
	{"too-many-runs", 2, 4, 257, 4}, {"run-outside", 2, 8, 15, 8},
	{"run-wraps", 2, 8, ~0ull, 8},	 {"run-empty", 3, 16, 0, 8},
	{"run-overlap", 3, 24, 2, 8},	 {"content-missing", 2, 16, 3, 8},
	{"zero-outside", 3, 32, 12, 8},	 {"round-number", 1, 0, 2, 4},
	{"round-1-final", 1, 4, 1, 4},	 {"round-flags", 1, 4, 2, 4},
	{"round-total", 6, 8, 5, 8},	 {"round-reserved", 6, 4, 1, 4},
	{"end-records", 11, 0, 9, 8},	 {"end-pages", 11, 8, 4, 8},
	{"end-rounds", 11, 32, 3, 4},	 {"state-name", 10, 4, 0, 4},
	{"table-count", 0, 0, 4097, 4},	 {"table-shift", 0, 8, 31, 4},
	{"table-size", 0, 20, 4097, 8},	 {"less-memory", 0, 20, 65536 * 2, 8},
	{"other-gpa", 0, 12, 4096, 8},
};

static int edited(void)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		const struct edit *edit = &edits[i];
		uint8_t *field;

		stream_good(&stream);
		field = stream.bytes + stream.starts[edit->record] +
			SMI_WIRE_HEADER_BYTES + edit->offset;
		if (edit->bytes == 4)
			smi_wire_put_u32(field, (uint32_t)edit->value);
		else
			smi_wire_put_u64(field, edit->value);
		reseal(stream.starts[edit->record]);
		failed |= save(edit->name);
	}
	return failed;
}

/* The good stream with one record more between round 1 and the final one. */
static int with_record(const char *name, uint32_t type, uint32_t flags,
		       const void *payload, size_t length)
{
	stream_begin(&stream);
	stream_first_round(&stream);
	stream_record(&stream, type, flags, payload, length);
	stream_final_round(&stream);
	stream_end(&stream, 2);
	stream_record(&stream, SMI_WIRE_GO, 0, NULL, 0);
	return save(name);
}

static int strange(void)
{
	static const char longest[204] = "\6";
	int failed = 0;

	failed |= with_record("skippable-flags", 0x77, 3, "news", 4);
	failed |= with_record("skippable-type-0", 0, 1, "news", 4);
	failed |= with_record("skippable-wrong-side", SMI_WIRE_READY, 1, "", 0);
	failed |= with_record("flags", SMI_WIRE_ZERO, 1, "", 0);
	failed |= with_record("abort-empty", SMI_WIRE_ABORT, 0, "\6\0\0\0", 4);
	failed |= with_record("abort-too-long", SMI_WIRE_ABORT, 0, longest,
			      sizeof(longest));
	failed |= with_record("abort-unknown-code", SMI_WIRE_ABORT, 0,
			      "\x67\x12\0\0asleep", 10);
	stream_good(&stream);
	smi_wire_put_u32(stream.bytes + stream.starts[11] +
				 SMI_WIRE_HEADER_BYTES + 36,
			 1);
	reseal(stream.starts[11]);
	return failed | save("end-reserved");
}

/* Runs that touch, and a page that comes again within a round. */
static int repeated(void)
{
	static const struct smudge_run touching[] = {{2, 3}, {5, 1}};
	static const struct smudge_run again = {3, 1};

	stream_begin(&stream);
	stream_first_round(&stream);
	stream_round_begin(&stream, 2, false);
	stream_pages(&stream, 0, touching, 2, 7);
	stream_zero(&stream, 0, &again, 1);
	stream_pages(&stream, 0, &again, 1, 9);
	stream_round_end(&stream, 2);
	stream_round_begin(&stream, 3, true);
	stream_pages(&stream, 0, &again, 1, 3);
	stream_pages(&stream, 0, &again, 1, 5);
	stream_round_end(&stream, 3);
	stream_state(&stream);
	stream_end(&stream, 3);
	stream_record(&stream, SMI_WIRE_GO, 0, NULL, 0);
	return save("repeated-pages");
}

static int disorder(void)
{
	static const struct smudge_run all = {0, STREAM_RAM_PAGES};
	/* As many as the other region has, so that the total is right. */
	static const struct smudge_run twice = {7, STREAM_VRAM_PAGES};
	static const struct smi_wire_greeting greeting = {
		.version = SMI_WIRE_VERSION, .role = SMI_WIRE_SENDER};
	int failed = 0;

	stream_begin(&stream);
	stream_greeting(&stream, &greeting);
	stream_round_begin(&stream, 1, false);
	failed |= save("no-table");
	stream_begin(&stream);
	stream_first_round(&stream);
	stream_zero(&stream, 0, &all, 1);
	failed |= save("pages-between-rounds");
	stream_begin(&stream);
	stream_first_round(&stream);
	stream_state(&stream);
	failed |= save("state-too-early");
	stream_begin(&stream);
	stream_first_round(&stream);
	stream_final_round(&stream);
	stream_record(&stream, SMI_WIRE_GO, 0, NULL, 0);
	failed |= save("go-without-end");
	stream_begin(&stream);
	stream_greeting(&stream, &greeting);
	stream_region_table(&stream, stream_regions(), 2);
	stream_round_begin(&stream, 1, false);
	stream_zero(&stream, 0, &all, 1);
	stream_round_end(&stream, 1);
	failed |= save("round-1-incomplete");
	stream_begin(&stream);
	stream_greeting(&stream, &greeting);
	stream_region_table(&stream, stream_regions(), 2);
	stream_round_begin(&stream, 1, false);
	stream_zero(&stream, 0, &all, 1);
	stream_zero(&stream, 0, &twice, 1);
	stream_round_end(&stream, 1);
	failed |= save("round-1-twice");
	stream_begin(&stream);
	stream_first_round(&stream);
	stream_record(&stream, SMI_WIRE_ACK, 0, NULL, 0);
	failed |= save("wrong-side");
	stream_begin(&stream);
	stream_first_round(&stream);
	stream_record(&stream, SMI_WIRE_ABORT, 0, "\1\0\0\0tired\033[31m", 14);
	return failed | save("abort");
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: write_golden DIRECTORY\n");
		return 2;
	}
	directory = argv[1];
	return greetings() | damage() | unknown() | edited() | disorder() |
	       strange() | repeated();
}
