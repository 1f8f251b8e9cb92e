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
	int code;
	int words;
	size_t length;
	struct stream_result result;

	line[strcspn(line, "\n")] = '\0';
	assert_int_equal(sscanf(line, "%63s %d %n", name, &code, &words), 2);
	length = read_golden(name, bytes, sizeof(bytes));
	result = stream_play(player, bytes, length);
	if (result.error != code ||
	    (code && !strstr(result.err.message, line + words)))
		fail_msg("%s: got %d \"%s\", expected %d \"%s\"", name,
			 result.error, result.err.message, code, line + words);
	assert_true(code || result.state_loaded);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_golden_stream),
		cmocka_unit_test(encoders_write_the_golden_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
