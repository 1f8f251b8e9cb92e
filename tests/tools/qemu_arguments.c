/* SPDX-License-Identifier: MIT */
/*
 * A QEMU's command line becomes one that continues from files.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>

#include "qemu/arguments.h"

#define MAX_WORDS 32

static const struct qemu_backend_file one = {
	.id = "mem", .path = "/ram", .size_bytes = 1 << 20};

/* Words of a line, at blanks. */
static void split(char *line, char *words[MAX_WORDS])
{
	size_t n = 0;

	for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		assert_true(n < MAX_WORDS - 1);
		words[n++] = word;
	}
	words[n] = NULL;
}

static void assert_words(const struct qemu_words *words, const char *line)
{
	char *copy = strdup(line);
	char *wanted[MAX_WORDS];
	size_t n = 0;

	split(copy, wanted);
	for (; wanted[n] && n < words->n; n++)
		assert_string_equal(words->words[n], wanted[n]);
	assert_null(wanted[n]);
	assert_int_equal(words->n, n);
	assert_null(words->words[n]);
	free(copy);
}

static int rewrite(const char *line, const char *type,
		   const struct qemu_backend_file *files, size_t nfiles,
		   struct qemu_words *words, struct smudge_error *err)
{
	char *copy = strdup(line);
	char *given[MAX_WORDS];
	int ret;

	split(copy, given);
	ret = qemu_arguments_restore(given, type, files, nfiles, words, err);
	free(copy);
	return ret;
}

static void becomes(const char *line, const char *wanted)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_words words;

	assert_int_equal(rewrite(line, NULL, &one, 1, &words, &err), 0);
	assert_words(&words, wanted);
	qemu_words_free(&words);
}

static void refused(const char *line, int code, const char *part)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_words words;

	assert_int_equal(rewrite(line, NULL, &one, 1, &words, &err), code);
	assert_non_null(strstr(err.message, part));
	qemu_words_free(&words);
}

static void a_backend_becomes_its_file(void **state)
{
	(void)state;
	becomes("q -machine q35,memory-backend=mem "
		"-object memory-backend-memfd,id=mem,size=1M,share=on -m 1M",
		"q -machine q35,memory-backend=mem -object "
		"memory-backend-file,id=mem,size=1048576,share=on,mem-path=/ram"
		" -m 1M -incoming defer");
}

static void what_else_is_said_of_it_stays(void **state)
{
	(void)state;
	becomes("q --object memory-backend-memfd,hugetlb=on,hugetlbsize=2M,"
		"seal=on,id=mem,prealloc=on,host-nodes=0,policy=bind,dump=off",
		"q -object memory-backend-file,id=mem,prealloc=on,"
		"host-nodes=0,policy=bind,dump=off,size=1048576,share=on,"
		"mem-path=/ram -incoming defer");
	becomes("q -object qom-type=memory-backend-file,mem-path=/dev/shm/a,,b,"
		"readonly=on,size=1,id=mem,discard-data=on,merge=off,share=off",
		"q -object memory-backend-file,id=mem,merge=off,size=1048576,"
		"share=on,mem-path=/ram -incoming defer");
}

static void other_objects_stay(void **state)
{
	(void)state;
	becomes("q -object rng-random,id=mem2,filename=/dev/urandom "
		"-object memory-backend-ram,id=memory,size=1 "
		"-object memory-backend-memfd,id=mem "
		"-object {\"qom-type\":\"secret\",\"id\":\"s\",\"data\":\"x\"}",
		"q -object rng-random,id=mem2,filename=/dev/urandom "
		"-object memory-backend-ram,id=memory,size=1 -object "
		"memory-backend-file,id=mem,size=1048576,share=on,mem-path=/ram"
		" -object {\"qom-type\":\"secret\",\"id\":\"s\",\"data\":"
		"\"x\"} -incoming defer");
}

static void a_backend_in_json(void **state)
{
	(void)state;
	becomes("q -object {\"id\":\"mem\",\"qom-type\":"
		"\"memory-backend-memfd\",\"x-use-canonical-path-for-"
		"ramblock-id\":false,\"size\":7,\"hugetlb\":true}",
		"q -object {\"id\":\"mem\",\"x-use-canonical-path-for-"
		"ramblock-id\":false,\"qom-type\":\"memory-backend-file\","
		"\"size\":1048576,\"share\":true,\"mem-path\":\"/ram\"} "
		"-incoming defer");
}

static void commas_are_written_twice(void **state)
{
	const struct qemu_backend_file file = {
		.id = "a,b", .path = "/x,y/,", .size_bytes = 4096};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_words words;

	(void)state;
	assert_int_equal(rewrite("q -object memory-backend-memfd,id=a,,b", NULL,
				 &file, 1, &words, &err),
			 0);
	assert_words(&words, "q -object memory-backend-file,id=a,,b,size=4096,"
			     "share=on,mem-path=/x,,y/,, -incoming defer");
	qemu_words_free(&words);
}

static void what_it_was_begun_with_goes(void **state)
{
	(void)state;
	becomes("q -incoming tcp:0:4444 -object memory-backend-memfd,id=mem "
		"--loadvm old -preconfig -S -mon chardev=smudge-restore,"
		"mode=control -chardev socket,id=smudge-restore,fd=5 "
		"-chardev socket,id=mine,path=/s -mon chardev=mine -usb",
		"q -object memory-backend-file,id=mem,size=1048576,share=on,"
		"mem-path=/ram -S -chardev socket,id=mine,path=/s "
		"-mon chardev=mine -usb -incoming defer");
}

/* An option's value may look like an option. */
static void values_are_no_options(void **state)
{
	(void)state;
	becomes("q -append -incoming -name -preconfig -object "
		"memory-backend-memfd,id=mem -nographic -incoming disk.img",
		"q -append -incoming -name -preconfig -object "
		"memory-backend-file,id=mem,size=1048576,share=on,mem-path=/ram"
		" -nographic -incoming defer");
	becomes("q disk.img -object memory-backend-memfd,id=mem -snapshot -m",
		"q disk.img -object memory-backend-file,id=mem,size=1048576,"
		"share=on,mem-path=/ram -snapshot -m -incoming defer");
}

static void what_was_restored_is_restored_again(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_words first, second;

	(void)state;
	assert_int_equal(rewrite("q -M pc -object memory-backend-memfd,id=mem",
				 "pc-i440fx-7.2", &one, 1, &first, &err),
			 0);
	assert_words(&first, "q -M pc -object memory-backend-file,id=mem,"
			     "size=1048576,share=on,mem-path=/ram -machine "
			     "type=pc-i440fx-7.2 -incoming defer");
	assert_int_equal(qemu_arguments_restore(first.words, "pc-i440fx-7.2",
						&one, 1, &second, &err),
			 0);
	assert_int_equal(second.n, first.n);
	for (size_t i = 0; i < first.n; i++)
		assert_string_equal(first.words[i], second.words[i]);
	qemu_words_free(&first);
	qemu_words_free(&second);
}

static void a_type_is_said_once(void **state)
{
	static const char *const lines[] = {
		"q -machine pc-q35-7.2,accel=tcg",
		"q -M pc-q35-7.2",
		"q --machine accel=tcg,type=pc-q35-7.2",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct smudge_error err = SMUDGE_ERROR_INIT;
		struct qemu_words words;

		assert_int_equal(
			rewrite(lines[i], "pc-q35-7.2", NULL, 0, &words, &err),
			0);
		assert_int_equal(words.n, 5);
		assert_string_equal(words.words[3], "-incoming");
		qemu_words_free(&words);
	}
}

static void several_backends(void **state)
{
	const struct qemu_backend_file files[] = {
		{.id = "m0", .path = "/0", .size_bytes = 4096},
		{.id = "m1", .path = "/1", .size_bytes = 8192},
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_words words;

	(void)state;
	assert_int_equal(
		rewrite("q -object memory-backend-memfd,id=m1 -numa "
			"node,memdev=m0 -object memory-backend-memfd,id=m0",
			NULL, files, 2, &words, &err),
		0);
	assert_words(&words,
		     "q -object memory-backend-file,id=m1,size=8192,share=on,"
		     "mem-path=/1 -numa node,memdev=m0 -object "
		     "memory-backend-file,id=m0,size=4096,share=on,mem-path=/0 "
		     "-incoming defer");
	qemu_words_free(&words);
}

static void a_monitor_is_inherited(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_words words;

	(void)state;
	assert_int_equal(
		rewrite("q -daemonize -object "
			"memory-backend-memfd,id=mem -name --daemonize "
			"--daemonize",
			NULL, &one, 1, &words, &err),
		0);
	qemu_arguments_add_monitor(&words, 7);
	assert_words(&words, "q -object memory-backend-file,id=mem,"
			     "size=1048576,share=on,mem-path=/ram -name "
			     "--daemonize -incoming defer -chardev socket,"
			     "id=smudge-restore,fd=7 -mon "
			     "chardev=smudge-restore,mode=control");
	qemu_words_free(&words);
}

static void a_backend_from_elsewhere_is_asked_for(void **state)
{
	(void)state;
	refused("q -readconfig c", -ENOENT, "'mem'");
	refused("q -object memory-backend-memfd,size=1", -ENOENT, "'mem'");
	refused("q -append memory-backend-memfd,id=mem", -ENOENT, "after --");
	refused("q -object {\"id\":7} -object {,id=mem", -ENOENT, "0 of");
	refused("q -object", -ENOENT, "0 of");
	refused("", -EINVAL, "no command line");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backend_becomes_its_file),
		cmocka_unit_test(what_else_is_said_of_it_stays),
		cmocka_unit_test(other_objects_stay),
		cmocka_unit_test(a_backend_in_json),
		cmocka_unit_test(commas_are_written_twice),
		cmocka_unit_test(what_it_was_begun_with_goes),
		cmocka_unit_test(values_are_no_options),
		cmocka_unit_test(what_was_restored_is_restored_again),
		cmocka_unit_test(a_type_is_said_once),
		cmocka_unit_test(several_backends),
		cmocka_unit_test(a_monitor_is_inherited),
		cmocka_unit_test(a_backend_from_elsewhere_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
