/* SPDX-License-Identifier: MIT */
/*
 * What a command line has that does not hold for a machine that is started
 * again; the sockets that it listens on; words for a shell.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "qemu/doubts.h"
#include "qemu/shell.h"
#include "qemu/sockets.h"

#define MAX_WORDS 16

struct noted {
	size_t nforbidding, nothers;
	char last[500];
};

static void note(void *opaque, bool forbids, const char *sentence)
{
	struct noted *noted = opaque;

	noted->nforbidding += forbids;
	noted->nothers += !forbids;
	snprintf(noted->last, sizeof(noted->last), "%s", sentence);
}

static struct noted judge(char *option, char *value, bool has_snapshots)
{
	char *words[] = {"q", option, value, NULL};
	struct noted noted = {0};
	const struct qemu_doubt_sink sink = {note, &noted};

	qemu_doubts(words, has_snapshots, &sink);
	return noted;
}

static void descriptors_of_the_starter_forbid_it(void **state)
{
	static char *const with[][2] = {
		{"-netdev", "tap,id=n,fd=27"},
		{"-netdev", "tap,id=n,fds=27:28,vhost=on,vhostfds=3:4"},
		{"-chardev", "socket,id=c,fd=5,server=on"},
		{"-add-fd", "fd=3,set=2,opaque=x"},
		{"-drive", "file=/dev/fdset/1,if=virtio"},
		{"-netdev", "stream,id=n,addr.type=fd,addr.str=7"},
		{"-blockdev", "{\"driver\":\"file\",\"node-name\":\"a\","
			      "\"filename\":\"/dev/fdset/4\"}"},
		{"-netdev", "{\"type\":\"tap\",\"id\":\"n\",\"fd\":\"27\"}"},
		{"-netdev", "{\"type\":\"stream\",\"id\":\"n\",\"addr\":"
			    "{\"type\":\"fd\",\"str\":\"7\"}}"},
	};
	static char *const without[][2] = {
		{"-append", "fd=3 /dev/fdset/1"},
		{"-name", "fd=3"},
		{"-netdev", "user,id=fd"},
		{"-chardev", "socket,id=c,path=/fd=3,server=on"},
		{"-device", "{\"driver\":\"virtio-net\",\"id\":\"fd\"}"},
		{"-device", "virtio-net,netdev=fd"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
		assert_int_equal(
			judge(with[i][0], with[i][1], true).nforbidding, 1);
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		assert_int_equal(
			judge(without[i][0], without[i][1], true).nforbidding,
			0);
}

static void disks_without_snapshots_are_named(void **state)
{
	(void)state;
	assert_int_equal(judge("-hda", "a.img", false).nothers, 1);
	assert_int_equal(judge("-hda", "a.img", true).nothers, 0);
	assert_int_equal(judge("-drive", "file=a,media=cdrom", false).nothers,
			 0);
	assert_int_equal(judge("-drive", "file=a,readonly=on", false).nothers,
			 0);
	assert_int_equal(
		judge("-blockdev", "{\"read-only\":true}", false).nothers, 0);
	assert_int_equal(
		judge("-blockdev", "{\"driver\":\"qcow2\"}", false).nothers, 1);
	assert_int_equal(judge("-cdrom", "a.iso", false).nothers, 0);
	assert_int_equal(judge("-usb", "a.img", false).nothers, 1);
}

static void other_doubts(void **state)
{
	(void)state;
	assert_int_equal(judge("-snapshot", NULL, true).nforbidding, 1);
	assert_int_equal(judge("--daemonize", NULL, true).nothers, 1);
	assert_int_equal(judge("-sandbox", "on,spawn=deny", true).nothers, 1);
	assert_int_equal(judge("-append", "-snapshot", true).nforbidding, 0);
}

static int collect(void *opaque, const char *path)
{
	strcat(opaque, path);
	strcat(opaque, ";");
	return 0;
}

static void sockets_that_are_listened_on(void **state)
{
	char *words[] = {"q",
			 "-qmp",
			 "unix:/a,,b,server=on,wait=off",
			 "-chardev",
			 "socket,id=c,path=/c,server",
			 "-serial",
			 "unix:/out",
			 "-monitor",
			 "unix:m,server=off",
			 "-vnc",
			 "unix:/v,password=on",
			 "-append",
			 "socket,path=/no",
			 NULL};
	char paths[100] = "";

	(void)state;
	assert_int_equal(qemu_each_listened(words, collect, paths), 0);
	assert_string_equal(paths, "/a,b;/c;/v;");
}

static void assert_monitor(char *words[], const char *wanted)
{
	char *path = qemu_find_monitor(words);

	if (wanted)
		assert_string_equal(path, wanted);
	else
		assert_null(path);
	free(path);
}

static void monitors_are_found(void **state)
{
	char *by_qmp[] = {"q", "-qmp", "unix:q.sock,server,nowait", NULL};
	char *by_mon[] = {"q",
			  "-chardev",
			  "socket,id=o,path=/o,server=on",
			  "-mon",
			  "chardev=m,mode=control",
			  "-chardev",
			  "socket,id=m,path=/m,server=on",
			  NULL};
	char *by_word[] = {
		"q",	"-chardev",	  "socket,id=m,path=/m,server=on",
		"-mon", "m,mode=control", NULL};
	char *for_people[] = {
		"q",	"-chardev",	   "socket,id=m,path=/m,server=on",
		"-mon", "m,mode=readline", NULL};
	char *on_stdio[] = {"q", "-qmp", "stdio", NULL};

	(void)state;
	assert_monitor(by_qmp, "q.sock");
	assert_monitor(by_mon, "/m");
	assert_monitor(by_word, "/m");
	assert_monitor(for_people, NULL);
	assert_monitor(on_stdio, NULL);
}

static void words_for_a_shell(void **state)
{
	static const char *const pairs[][2] = {
		{"-m", "-m"},
		{"/a_b.c:1,d=2@x%+", "/a_b.c:1,d=2@x%+"},
		{"", "''"},
		{"a b", "'a b'"},
		{"it's", "'it'\\''s'"},
		{"$HOME", "'$HOME'"},
		{"~x", "'~x'"},
		{"=", "'='"},
		{"{\"a\":1}", "'{\"a\":1}'"},
		{"a\nb'\\\x1b", "$'a\\012b\\'\\\\\\033'"},
		{"\xc3\xa4", "'\xc3\xa4'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *text = shell_quote(pairs[i][0]);

		assert_string_equal(text, pairs[i][1]);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_of_the_starter_forbid_it),
		cmocka_unit_test(disks_without_snapshots_are_named),
		cmocka_unit_test(other_doubts),
		cmocka_unit_test(sockets_that_are_listened_on),
		cmocka_unit_test(monitors_are_found),
		cmocka_unit_test(words_for_a_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
