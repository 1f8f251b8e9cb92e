/* SPDX-License-Identifier: MIT */
/*
 * The command line of smudge-vm: a table of options, each with the function
 * that takes its value.
 *
 * An option may be written "-m 1G", "--memory 1G" or "--memory=1G". Unknown
 * options, missing values and bad values are usage errors with one sentence
 * each. Values with a syntax of their own are checked by the room that uses
 * them (serial_check, control_check_words), before anything is created.
 */
#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#include "devices/framebuffer.h"
#include "devices/serial.h"

#define WHERE		      "options"
#define PAGE_BYTES	      4096
#define MIN_PIXELS	      16
#define MIN_INTERVAL_MS	      10
#define MAX_INTERVAL_MS	      UINT64_C(1000000000)
#define MIN_STORE_DEADLINE_MS 100
#define MAX_STORE_DEADLINE_MS (UINT64_C(3600) * 24 * 365 * 1000)

struct option {
	const char *name;
	const char *short_name; /* NULL: none */
	const char *values;	/* allowed words, separated by |, or NULL */
	size_t text_offset;	/* of a const char * in struct vm_options */
	int (*take)(struct vm_options *options, const char *value,
		    struct smudge_error *err);
	bool has_value;
};

static uint64_t host_bytes(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	long page_bytes = sysconf(_SC_PAGESIZE);

	if (pages <= 0 || page_bytes <= 0)
		return UINT64_MAX;
	return (uint64_t)pages * (uint64_t)page_bytes;
}

static int take_memory(struct vm_options *options, const char *value,
		       struct smudge_error *err)
{
	uint64_t bytes = UINT64_MAX;

	if (options_parse_size(value, &bytes) == -EINVAL)
		return smudge_error_set(err, -EINVAL, WHERE,
					"--memory takes a number of bytes or "
					"one with K, M, G or T, not '%.40s'",
					value);
	if (bytes < VM_MEMORY_MIN_BYTES ||
	    (bytes % PAGE_BYTES && bytes < UINT64_MAX))
		return smudge_error_set(err, -EINVAL, WHERE,
					"--memory is at least 16M and a "
					"multiple of 4K, unlike '%.40s'",
					value);
	if (bytes > host_bytes())
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"--memory %.40s is more than the %llu "
			"MiB this host has",
			value, (unsigned long long)(host_bytes() >> 20));
	options->machine.memory_bytes = bytes;
	return 0;
}

/* Digits only; 0 when there are none or too many. */
static unsigned int pixels(const char **cursor)
{
	unsigned int value = 0;

	for (; **cursor >= '0' && **cursor <= '9'; ++*cursor)
		value = value > 9999 ? 99999 : value * 10 + (**cursor - '0');
	return value;
}

static int take_display(struct vm_options *options, const char *value,
			struct smudge_error *err)
{
	const char *cursor = value;
	unsigned int width = pixels(&cursor);
	unsigned int height = *cursor == 'x' ? (cursor++, pixels(&cursor)) : 0;

	if (*cursor || width < MIN_PIXELS || height < MIN_PIXELS ||
	    width > FRAMEBUFFER_MAX_WIDTH || height > FRAMEBUFFER_MAX_HEIGHT)
		return smudge_error_set(err, -EINVAL, WHERE,
					"--display takes WIDTHxHEIGHT in "
					"pixels, from %dx%d to %dx%d, not "
					"'%.40s'",
					MIN_PIXELS, MIN_PIXELS,
					FRAMEBUFFER_MAX_WIDTH,
					FRAMEBUFFER_MAX_HEIGHT, value);
	options->machine.devices.framebuffer_width_pixels = (uint16_t)width;
	options->machine.devices.framebuffer_height_pixels = (uint16_t)height;
	return 0;
}

static int take_smp(struct vm_options *options, const char *value,
		    struct smudge_error *err)
{
	unsigned int n = (unsigned int)(value[0] - '0');

	if (value[0] < '1' || value[1] || n > MACHINE_MAX_VCPUS)
		return smudge_error_set(err, -EINVAL, WHERE,
					"--smp takes a number of virtual "
					"processors from 1 to %d, not "
					"'%.40s'",
					MACHINE_MAX_VCPUS, value);
	options->machine.nvcpus = n;
	return 0;
}

static int take_serial(struct vm_options *options, const char *value,
		       struct smudge_error *err)
{
	options->machine.devices.serial = value;
	return serial_check(value, err);
}

static int take_every(struct vm_options *options, const char *value,
		      struct smudge_error *err)
{
	uint64_t ms = 0;

	if (options_parse_seconds(value, &ms) < 0 || ms < MIN_INTERVAL_MS ||
	    ms > MAX_INTERVAL_MS)
		return smudge_error_set(err, -EINVAL, WHERE,
					"--checkpoint-every takes seconds, "
					"from 0.01 to 1000000 and with at most "
					"three digits behind the point, not "
					"'%.40s'",
					value);
	options->control.checkpoint_every_ns = ms * 1000000;
	return 0;
}

static int take_keep(struct vm_options *options, const char *value,
		     struct smudge_error *err)
{
	if (options_parse_keep(value, &options->control.checkpoint.keep) == 0)
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"--checkpoint-keep takes numbers as in "
				"last=60,hourly=24, not '%.60s'; see --help",
				value);
}

static int take_on_commit(struct vm_options *options, const char *value,
			  struct smudge_error *err)
{
	options->control.checkpoint.on_commit = value;
	return *value ? 0
		      : smudge_error_set(err, -EINVAL, WHERE,
					 "--on-commit takes a command");
}

static int take_store_deadline(struct vm_options *options, const char *value,
			       struct smudge_error *err)
{
	uint64_t ms = 0;

	if (options_parse_seconds(value, &ms) < 0 ||
	    ms < MIN_STORE_DEADLINE_MS || ms > MAX_STORE_DEADLINE_MS)
		return smudge_error_set(err, -EINVAL, WHERE,
					"--store-deadline takes seconds, "
					"from 0.1 to 31536000 and with at most "
					"three digits behind the point, not "
					"'%.40s'",
					value);
	options->control.checkpoint.store_deadline_ns = ms * 1000000;
	return 0;
}

static int take_without_flush(struct vm_options *options, const char *value,
			      struct smudge_error *err)
{
	options->control.checkpoint.may_lack_flush = true;
	return 0;
}

static int take_lazy(struct vm_options *options, const char *value,
		     struct smudge_error *err)
{
	options->control.is_lazy = true;
	return 0;
}

static int take_lazy_rate(struct vm_options *options, const char *value,
			  struct smudge_error *err)
{
	uint64_t bytes = 0;

	if (options_parse_size(value, &bytes) < 0 || !bytes)
		return smudge_error_set(err, -EINVAL, WHERE,
					"--lazy-rate takes a number of bytes "
					"per second or one with K, M, G or T, "
					"not '%.40s'",
					value);
	options->control.lazy_bytes_per_second = bytes;
	return 0;
}

static int take_paused(struct vm_options *options, const char *value,
		       struct smudge_error *err)
{
	options->control.paused_start = true;
	return 0;
}

/* Not in --help: for tests, and wrong for any guest that changes its code. */
static int take_track_code(struct vm_options *options, const char *value,
			   struct smudge_error *err)
{
	options->machine.ignores_code = !strcmp(value, "off");
	return 0;
}

static int take_verbose(struct vm_options *options, const char *value,
			struct smudge_error *err)
{
	options->verbose =
		options->verbose ? SMUDGE_LOG_DEBUG : SMUDGE_LOG_INFO;
	return 0;
}

static int take_help(struct vm_options *options, const char *value,
		     struct smudge_error *err)
{
	options->action = VM_ACTION_HELP;
	return 0;
}

static int take_version(struct vm_options *options, const char *value,
			struct smudge_error *err)
{
	options->action = VM_ACTION_VERSION;
	return 0;
}

#define TEXT(field) offsetof(struct vm_options, field), NULL, true

static const struct option table[] = {
	{"--memory", "-m", NULL, 0, take_memory, true},
	{"--smp", NULL, NULL, 0, take_smp, true},
	{"--kernel", NULL, NULL, TEXT(kernel)},
	{"--append", NULL, NULL, TEXT(append)},
	{"--engine", NULL, "auto|kvm|unicorn", TEXT(machine.engine)},
	{"--dirty", NULL, "auto|kvm-manual|kvm-legacy|kvm-ring|uffd|hook",
	 TEXT(machine.dirty)},
	{"--serial", NULL, NULL, 0, take_serial, true},
	{"--display", NULL, NULL, 0, take_display, true},
	{"--vnc", NULL, NULL, TEXT(control.vnc)},
	{"--incoming", NULL, NULL, TEXT(control.incoming)},
	{"--restore", NULL, NULL, TEXT(control.restore)},
	{"--lazy", NULL, NULL, 0, take_lazy, false},
	{"--lazy-rate", NULL, NULL, 0, take_lazy_rate, true},
	{"--checkpoint-to", NULL, NULL, TEXT(control.checkpoint.folder)},
	{"--checkpoint-every", NULL, NULL, 0, take_every, true},
	{"--checkpoint-keep", NULL, NULL, 0, take_keep, true},
	{"--on-commit", NULL, NULL, 0, take_on_commit, true},
	{"--snapshot-qmp", NULL, NULL, TEXT(control.checkpoint.snapshot_qmp)},
	{"--snapshot-node", NULL, NULL, TEXT(control.checkpoint.snapshot_node)},
	{"--store-deadline", NULL, NULL, 0, take_store_deadline, true},
	{"--store-without-flush", NULL, NULL, 0, take_without_flush, false},
	{"--qmp", NULL, NULL, TEXT(control.qmp)},
	{"--paused-start", "-S", NULL, 0, take_paused, false},
	{"--x-track-code", NULL, "on|off", 0, take_track_code, true},
	{"--verbose", "-v", NULL, 0, take_verbose, false},
	{"--help", "-h", NULL, 0, take_help, false},
	{"--version", NULL, NULL, 0, take_version, false},
};

/* @ret_value: what follows "=", or NULL. */
static const struct option *find(const char *arg, const char **ret_value)
{
	*ret_value = NULL;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct option *option = &table[i];
		size_t len = strlen(option->name);

		if (option->short_name && !strcmp(arg, option->short_name))
			return option;
		if (strncmp(arg, option->name, len) != 0)
			continue;
		if (arg[len] == '=')
			*ret_value = arg + len + 1;
		if (arg[len] == '=' || !arg[len])
			return option;
	}
	return NULL;
}

static bool is_allowed(const char *values, const char *value)
{
	size_t len = strlen(value);

	while (*values) {
		size_t word = strcspn(values, "|");

		if (word == len && !strncmp(values, value, len))
			return true;
		values += word + (values[word] == '|');
	}
	return false;
}

static int take(const struct option *option, struct vm_options *options,
		const char *value, struct smudge_error *err)
{
	const char **text;

	if (option->values && !is_allowed(option->values, value))
		return smudge_error_set(err, -EINVAL, WHERE,
					"%s takes %s, not '%.40s'",
					option->name, option->values, value);
	if (option->take)
		return option->take(options, value, err);
	text = (const char **)((char *)options + option->text_offset);
	*text = value;
	return 0;
}

static int usage(struct smudge_error *err, const char *format, const char *arg)
{
	char text[64];
	size_t i;

	/* a terminal's control bytes stay out of the message */
	for (i = 0; arg[i] && i < sizeof(text) - 1; i++)
		text[i] = arg[i] >= ' ' && arg[i] <= '~' ? arg[i] : '?';
	text[i] = '\0';
	return smudge_error_set(err, -EINVAL, WHERE, "%s '%s'; see --help",
				format, text);
}

int options_parse(int argc, char *const argv[], struct vm_options *ret_options,
		  struct smudge_error *err)
{
	struct vm_options options = {
		.append = "",
		.machine = {.memory_bytes = VM_MEMORY_DEFAULT,
			    .nvcpus = 1,
			    .engine = "auto",
			    .dirty = "auto",
			    .devices.serial = "stdio"},
		.control = {.end_fd = -1},
	};
	int ret;

	for (int i = 1; i < argc; i++) {
		const char *value;
		const struct option *option = find(argv[i], &value);

		if (!option)
			return usage(err, "unknown option", argv[i]);
		if (value && !option->has_value)
			return usage(err, "no value belongs to", argv[i]);
		if (!value && option->has_value && i + 1 == argc)
			return usage(err, "a value is missing after", argv[i]);
		if (!value && option->has_value)
			value = argv[++i];
		ret = take(option, &options, value, err);
		if (ret < 0)
			return ret;
	}
	ret = options_check(&options, err);
	if (ret < 0)
		return ret;
	options.machine.is_incoming = options.control.incoming != NULL;
	options.machine.is_restored = options.control.restore != NULL;
	*ret_options = options;
	return 0;
}
