/* SPDX-License-Identifier: MIT */
/*
 * The golden streams: recorded bytes of each version, kept for ever. Each
 * line of tests/golden/expected names one, the error it must meet (0: it must
 * be accepted), and words of the sentence.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"
#include "support.h"

static size_t read_golden(const char *name, uint8_t *bytes, size_t size)
{
	char path[512];
	FILE *file;
	size_t length;

	snprintf(path, sizeof(path), "%s/%s.stream", GOLDEN_DIR, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	length = fread(bytes, 1, size, file);
	fclose(file);
	return length;
}

static void check_line(struct stream_player *player, char *line)
{
	static uint8_t bytes[STREAM_MAX_BYTES];
	char name[64];
	int error;
	unsigned int code;
	unsigned long long offset_bytes;
	int words;
	struct stream_result result;

	line[strcspn(line, "\n")] = '\0';
	assert_int_equal(sscanf(line, "%63s %d %u %llu %n", name, &error, &code,
				&offset_bytes, &words),
			 4);
	result = stream_play(player, bytes,
			     read_golden(name, bytes, sizeof(bytes)));
	if (result.error != error || result.told_code != code ||
	    result.peer_was_told != (code != 0) ||
	    result.err.stream_offset_bytes != offset_bytes ||
	    !strstr(result.err.message, line + words))
		fail_msg("%s: got %d, code %u at %llu, \"%s\"; expected %s",
			 name, result.error, result.told_code,
			 (unsigned long long)result.err.stream_offset_bytes,
			 result.err.message, line);
	if (code)
		assert_string_equal(result.told, result.err.message);
	assert_true(error || result.state_loaded);
}

static void every_golden_stream(void **state)
{
	struct stream_player *player = stream_player_create();
	FILE *expected = fopen(GOLDEN_DIR "/expected", "r");
	char line[512];
	int nlines = 0;

	assert_non_null(player);
	assert_non_null(expected);
	while (fgets(line, sizeof(line), expected)) {
		if (line[0] == '#')
			continue;
		check_line(player, line);
		nlines++;
	}
	fclose(expected);
	stream_player_destroy(player);
	assert_true(nlines >= 20);
}

/* What today's encoders write is still version 1, byte for byte. */
static void encoders_write_the_golden_bytes(void **state)
{
	static uint8_t golden[STREAM_MAX_BYTES];
	static struct stream stream;
	size_t length = read_golden("v1-good", golden, sizeof(golden));

	stream_good(&stream);
	assert_int_equal(stream.length, length);
	assert_memory_equal(stream.bytes, golden, length);
}

TEST_MAIN(every_golden_stream, encoders_write_the_golden_bytes)
