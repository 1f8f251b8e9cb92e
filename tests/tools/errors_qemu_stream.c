/* SPDX-License-Identifier: MIT */
/*
 * Streams that are refused, each with the sentence that says why.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "qemu/backends.h"
#include "stream_rig.h"

static void assert_refused(const struct stream_rig *rig, int ret,
			   const char *words)
{
	struct qemu_stream *stream = qemu_stream_create(RIG_PIPE_BYTES);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	size_t length;

	assert_int_equal(rig_read(rig, stream, 100, &length, &err), ret);
	if (!strstr(err.message, words))
		fail_msg("'%s' is not in '%s'", words, err.message);
	qemu_stream_destroy(stream);
}

static void other_files(void **state)
{
	struct stream_rig rig = {0};

	rig_put(&rig, "GIF89a..", 8);
	assert_refused(&rig, -EBADMSG, "no migration stream");
	rig_free(&rig);
	rig = (struct stream_rig){0};
	rig_number(&rig, 4, 0x5145564d);
	rig_number(&rig, 4, 4);
	assert_refused(&rig, -EBADMSG, "no migration stream");
	rig_free(&rig);
}

static void memory_in_the_stream(void **state)
{
	struct stream_rig rig = {0};

	rig_number(&rig, 4, 0x5145564d);
	rig_number(&rig, 4, 3);
	rig_number(&rig, 1, 7);
	rig_number(&rig, 4, 0);
	rig_number(&rig, 1, 5);
	rig_text(&rig, "configuration/capabilities");
	rig_number(&rig, 4, 1);
	rig_number(&rig, 4, 1);
	rig_text(&rig, "multifd");
	rig_number(&rig, 1, 1);
	assert_refused(&rig, -EOPNOTSUPP, "x-ignore-shared");
	rig_free(&rig);
}

static void an_unknown_part_of_the_configuration(void **state)
{
	struct stream_rig rig;

	rig_begin(&rig);
	rig_number(&rig, 1, 5);
	rig_text(&rig, "configuration/later");
	rig_number(&rig, 4, 1);
	assert_refused(&rig, -EOPNOTSUPP, "configuration/later");
	rig_free(&rig);
}

static void pages_of_no_size(void **state)
{
	struct stream_rig rig;

	rig_begin(&rig);
	rig_number(&rig, 1, 5);
	rig_text(&rig, "configuration/target-page-bits");
	rig_number(&rig, 4, 1);
	rig_number(&rig, 4, 64);
	assert_refused(&rig, -EBADMSG, "2^64");
	rig_free(&rig);
}

static void another_section_while_it_runs(void **state)
{
	struct stream_rig rig;

	rig_begin(&rig);
	rig_number(&rig, 1, 1);
	rig_number(&rig, 4, 3);
	rig_text(&rig, "vfio");
	rig_number(&rig, 8, 0);
	assert_refused(&rig, -EOPNOTSUPP, "vfio");
	rig_free(&rig);
}

static void another_version_of_ram(void **state)
{
	struct stream_rig rig;

	rig_begin(&rig);
	rig_number(&rig, 1, 1);
	rig_number(&rig, 4, 2);
	rig_text(&rig, "ram");
	rig_number(&rig, 4, 0);
	rig_number(&rig, 4, 5);
	assert_refused(&rig, -EOPNOTSUPP, "version 5");
	rig_free(&rig);
}

static void a_section_that_has_not_begun(void **state)
{
	struct stream_rig rig;

	rig_begin(&rig);
	rig_ram_part(&rig);
	assert_refused(&rig, -EBADMSG, "section 2");
	rig_free(&rig);
}

static void a_device_before_the_machine_has_stopped(void **state)
{
	struct stream_rig rig;

	rig_begin(&rig);
	rig_ram_begin(&rig);
	rig_devices(&rig, 1);
	assert_refused(&rig, -EOPNOTSUPP, "kind 4");
	rig_free(&rig);
}

static void no_end_marks(void **state)
{
	struct stream_rig rig;

	rig_begin(&rig);
	rig_ram_begin(&rig);
	rig_ram_part(&rig);
	rig_number(&rig, 8, 0x10);
	rig_ram_part(&rig);
	assert_refused(&rig, -EOPNOTSUPP, "end mark");
	rig_free(&rig);
}

static void compressed_pages(void **state)
{
	struct stream_rig rig;

	rig_begin(&rig);
	rig_ram_begin(&rig);
	rig_ram_part(&rig);
	rig_number(&rig, 8, 0x100);
	assert_refused(&rig, -EOPNOTSUPP, "0x100");
	rig_free(&rig);
}

static void blocks_that_do_not_add_up(void **state)
{
	struct stream_rig rig;

	rig_begin(&rig);
	rig_number(&rig, 1, 1);
	rig_number(&rig, 4, 2);
	rig_text(&rig, "ram");
	rig_number(&rig, 4, 0);
	rig_number(&rig, 4, 4);
	rig_number(&rig, 8, 0x1000 | 4);
	rig_text(&rig, "a");
	rig_number(&rig, 8, 0x2000);
	rig_number(&rig, 8, 0);
	assert_refused(&rig, -EBADMSG, "do not add up");
	rig_free(&rig);
}

/* Its names with and without the folder of old machine types. */
static void pages_of_a_backend(void **state)
{
	static const char *const names[] = {"m1", "/objects/m1"};
	struct qemu_place places[] = {{.id = "m0"}, {.id = "m1"}};
	const struct qemu_places shared = {.places = places, .n = 2};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	size_t length;

	for (size_t i = 0; i < 2; i++) {
		struct qemu_stream *stream = qemu_stream_create(RIG_PIPE_BYTES);
		struct stream_rig rig;

		qemu_stream_expect(stream, &shared);
		rig_begin(&rig);
		rig_ram_begin(&rig);
		rig_ram_part(&rig);
		rig_page(&rig, "x", 1);
		rig_number(&rig, 8, 0x1000 | 0x02);
		rig_text(&rig, names[i]);
		rig_number(&rig, 1, 0);
		assert_int_equal(rig_read(&rig, stream, 100, &length, &err),
				 -EOPNOTSUPP);
		assert_non_null(strstr(err.message, "the memory m1 with"));
		assert_non_null(strstr(err.message, "mem-path=/dev/shm"));
		qemu_stream_destroy(stream);
		rig_free(&rig);
	}
}

TEST_MAIN(other_files, memory_in_the_stream, pages_of_a_backend,
	  an_unknown_part_of_the_configuration, pages_of_no_size,
	  another_section_while_it_runs, another_version_of_ram,
	  a_section_that_has_not_begun, a_device_before_the_machine_has_stopped,
	  no_end_marks, compressed_pages, blocks_that_do_not_add_up)
