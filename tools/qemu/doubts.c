/* SPDX-License-Identifier: MIT */
/*
 * What a command line says that does not hold any more for a machine that is
 * started again.
 */
#include "qemu/doubts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "qemu/options.h"
#include "qemu/properties.h"

#define SENTENCE_BYTES 400

static const char *const descriptors[] = {
	"fd", "fds", "vhostfd", "vhostfds", "sock_fd", "tapfd",
};

static bool is_descriptor(const char *key, size_t length)
{
	const char *dot = memrchr(key, '.', length);

	if (dot) {
		length -= (size_t)(dot + 1 - key);
		key = dot + 1;
	}
	for (size_t i = 0; i < sizeof(descriptors) / sizeof(*descriptors); i++)
		if (strlen(descriptors[i]) == length &&
		    memcmp(descriptors[i], key, length) == 0)
			return true;
	return false;
}

static bool has_fdset(const char *text)
{
	return strstr(text, "/dev/fdset/") != NULL;
}

static bool names_descriptor_in_text(const char *value)
{
	struct qemu_property property;

	if (has_fdset(value) || strncmp(value, "fd:", 3) == 0)
		return true;
	while (qemu_property_next(&value, &property)) {
		const char *equals =
			memchr(property.text, '=', property.length);

		if (equals && is_descriptor(property.text,
					    (size_t)(equals - property.text)))
			return true;
		if (equals && strncmp(equals, "=fd", 3) == 0 &&
		    property.text + property.length == equals + 3 &&
		    memmem(property.text, property.length, "type=fd", 7))
			return true;
	}
	return false;
}

/* Objects may be in each other; jansson limits how deep. */
static bool names_descriptor_in_json(const json_t *value)
{
	const char *key;
	json_t *member;
	size_t index;

	if (json_is_string(value))
		return has_fdset(json_string_value(value));
	json_array_foreach(value, index, member)
	{
		if (names_descriptor_in_json(member))
			return true;
	}
	json_object_foreach((json_t *)value, key, member)
	{
		const char *text = json_string_value(member);

		if (is_descriptor(key, strlen(key)) ||
		    (text && strcmp(key, "type") == 0 &&
		     strcmp(text, "fd") == 0) ||
		    names_descriptor_in_json(member))
			return true;
	}
	return false;
}

static bool names_descriptor(const struct qemu_option *option)
{
	json_t *object;
	bool is_named;

	if (qemu_option_is(option, "add-fd"))
		return true;
	/* text that is for the guest, or for people */
	if (!option->value || qemu_option_is(option, "append") ||
	    qemu_option_is(option, "name"))
		return false;
	if (option->value[0] != '{')
		return names_descriptor_in_text(option->value);
	object = json_loads(option->value, 0, NULL);
	is_named = object && names_descriptor_in_json(object);
	json_decref(object);
	return is_named;
}

static bool is_off_limits(const char *value)
{
	char *media = qemu_property_value(value, "media");
	char *readonly = qemu_property_value(value, "readonly");
	char *read_only = qemu_property_value(value, "read-only");
	bool is_one = (media && strcmp(media, "cdrom") == 0) ||
		      (readonly && strcmp(readonly, "on") == 0) ||
		      (read_only && strcmp(read_only, "on") == 0) ||
		      strstr(value, "\"read-only\":true") ||
		      strstr(value, "\"read-only\": true");

	free(media);
	free(readonly);
	free(read_only);
	return is_one;
}

static bool is_disk(const struct qemu_option *option)
{
	static const char *const names[] = {
		"",    "drive", "blockdev", "hda", "hdb", "hdc",
		"hdd", "sd",	"mtdblock", "fda", "fdb", "pflash",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (qemu_option_is(option, names[i]))
			return option->value && !is_off_limits(option->value);
	return false;
}

static void say(const struct qemu_doubt_sink *sink, bool forbids,
		const char *sentence)
{
	sink->found(sink->opaque, forbids, sentence);
}

static void say_descriptor(const struct qemu_doubt_sink *sink,
			   const struct qemu_option *option)
{
	char sentence[SENTENCE_BYTES];

	snprintf(sentence, sizeof(sentence),
		 "-%.20s %.120s names a descriptor that the machine had from "
		 "the program which started it: give a whole command line "
		 "after -- that names none",
		 option->name, option->value ? option->value : "");
	say(sink, true, sentence);
}

static void judge(const struct qemu_option *option,
		  const struct qemu_doubt_sink *sink)
{
	if (names_descriptor(option))
		say_descriptor(sink, option);
	else if (qemu_option_is(option, "snapshot"))
		say(sink, true,
		    "the machine had -snapshot: what it wrote to its disks is "
		    "lost, and they are not what its memory says; if it has "
		    "none that matters, give a command line without it after "
		    "--");
	else if (qemu_option_is(option, "daemonize"))
		say(sink, false,
		    "-daemonize is left out by --run: QEMU stays the process "
		    "that was started");
	else if (qemu_option_is(option, "sandbox") ||
		 qemu_option_is(option, "chroot") ||
		 qemu_option_is(option, "runas") ||
		 qemu_option_is(option, "run-with"))
		say(sink, false,
		    "QEMU may start no program where it has -sandbox, -chroot "
		    "or -runas: exec:cat can fail then, and --run needs none");
}

void qemu_doubts(char *const words[], bool has_disk_snapshots,
		 const struct qemu_doubt_sink *sink)
{
	struct qemu_option option;
	bool has_disk = false;
	size_t index = 1;

	while (qemu_option_next(words, &index, &option)) {
		judge(&option, sink);
		has_disk |= is_disk(&option);
	}
	if (has_disk && !has_disk_snapshots)
		say(sink, false,
		    "the layer has the memory only: the guest must find its "
		    "disks as they were at that moment");
}
