/* SPDX-License-Identifier: MIT */
/*
 * A machine as JSON, and back. What is read comes from a layer, so anything may
 * be in it.
 */
#include "qemu/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <smudge/error.h>

#define NAME	     "qemu-machine"
#define MAX_BYTES    ((size_t)16 << 20)
#define MAX_ELEMENTS 65536

static const char *const kinds[] = {"memfd", "file"};

static const char digits[] = "0123456789abcdef";

static json_t *hex(const char *bytes)
{
	size_t length = strlen(bytes);
	char *text = malloc(2 * length + 1);
	json_t *value = NULL;

	if (!text)
		return NULL;
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		text[2 * i] = digits[byte / 16];
		text[2 * i + 1] = digits[byte % 16];
	}
	value = json_pack("{s:s#}", "hex", text, (int)(2 * length));
	free(text);
	return value;
}

/* The bytes that @text has the digits of; NULL: it is no such text. */
static char *unhex(const char *text)
{
	size_t length = strlen(text);
	char *bytes = calloc(length / 2 + 1, 1);

	for (size_t i = 0; bytes && i < length; i++) {
		const char *digit = strchr(digits, text[i]);

		if (!digit || length % 2) {
			free(bytes);
			return NULL;
		}
		bytes[i / 2] =
			(char)(bytes[i / 2] * 16 + (int)(digit - digits));
	}
	return bytes;
}

static json_t *encode_arguments(const struct qemu_machine *machine)
{
	json_t *array = json_array();

	for (size_t i = 0; i < machine->narguments; i++) {
		json_t *value = json_string(machine->arguments[i]);

		if (!value)
			value = hex(machine->arguments[i]);
		if (json_array_append_new(array, value)) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *encode_backends(const struct qemu_machine *machine)
{
	json_t *array = json_array();

	for (size_t i = 0; i < machine->nbackends; i++) {
		const struct qemu_backend *backend = &machine->backends[i];
		json_t *value = json_pack(
			"{s:s, s:I, s:s, s:s}", "id", backend->id, "size",
			(json_int_t)backend->size_bytes, "region",
			backend->region, "kind", kinds[backend->kind]);

		if (json_array_append_new(array, value)) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *encode_mapped(const struct qemu_machine *machine)
{
	json_t *array = json_array();

	for (size_t i = 0; i < machine->nmapped; i++) {
		const struct qemu_mapped *mapped = &machine->mapped[i];
		json_t *value = json_pack(
			"{s:I, s:I, s:s, s:I}", "gpa", (json_int_t)mapped->gpa,
			"size", (json_int_t)mapped->nbytes, "backend",
			mapped->backend, "offset", (json_int_t)mapped->offset);

		if (json_array_append_new(array, value)) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *encode_disks(const struct qemu_machine *machine)
{
	json_t *array = json_array();

	for (size_t i = 0; i < machine->ndisks; i++) {
		const struct qemu_disk *disk = &machine->disks[i];
		json_t *value = json_pack(
			"{s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}", "node",
			disk->node, "snapshot", disk->snapshot, "kind",
			disk->kind, "file", disk->file, "format", disk->format,
			"origin", disk->origin);

		if (json_array_append_new(array, value)) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

int qemu_machine_encode(const struct qemu_machine *machine, char **ret_text,
			size_t *ret_length, struct smudge_error *err)
{
	json_t *value = json_pack(
		"{s:o, s:s*, s:i, s:I, s:s*, s:s*, s:s*, s:b, s:o, s:o, s:o, "
		"s:I}",
		"arguments", encode_arguments(machine), "exe", machine->exe,
		"pid", machine->pid, "start-time-ticks",
		(json_int_t)machine->start_ticks, "cwd", machine->cwd,
		"qemu-version", machine->version, "machine-type", machine->type,
		"was-running", (int)machine->was_running, "backends",
		encode_backends(machine), "memory-map", encode_mapped(machine),
		"disks", encode_disks(machine), "pause-ns",
		(json_int_t)machine->pause_ns);
	size_t length = value ? json_dumpb(value, NULL, 0, JSON_COMPACT) : 0;
	char *text = length ? malloc(length) : NULL;

	if (text && json_dumpb(value, text, length, JSON_COMPACT) != length) {
		free(text);
		text = NULL;
	}
	json_decref(value);
	if (!text)
		return smudge_error_set(err, value ? -ENOMEM : -EINVAL, NAME,
					"the machine cannot be described: a "
					"name in it is not UTF-8, or memory "
					"ran out");
	*ret_text = text;
	*ret_length = length;
	return 0;
}

static int add_argument(struct qemu_machine *machine, const json_t *value)
{
	const char *text = json_string_value(value);
	const char *coded = json_string_value(json_object_get(value, "hex"));
	char *bytes;
	int ret;

	if (text)
		return qemu_machine_add_argument(machine, text);
	bytes = coded ? unhex(coded) : NULL;
	if (!bytes)
		return -EBADMSG;
	ret = qemu_machine_add_argument(machine, bytes);
	free(bytes);
	return ret;
}

static int find_kind(const char *text, enum qemu_backend_kind *ret_kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(text, kinds[i]) == 0) {
			*ret_kind = (enum qemu_backend_kind)i;
			return 0;
		}
	}
	return -EBADMSG;
}

static int add_backend(struct qemu_machine *machine, const json_t *value)
{
	struct qemu_backend backend = {0};
	const char *id, *region, *kind;
	json_int_t size = 0;

	if (json_unpack((json_t *)value, "{s:s, s:I, s:s, s:s}", "id", &id,
			"size", &size, "region", &region, "kind", &kind) ||
	    size <= 0 || find_kind(kind, &backend.kind))
		return -EBADMSG;
	backend.id = (char *)id;
	backend.region = (char *)region;
	backend.size_bytes = (uint64_t)size;
	return qemu_machine_add_backend(machine, &backend);
}

static int add_mapped(struct qemu_machine *machine, const json_t *value)
{
	struct qemu_mapped mapped = {0};
	json_int_t gpa = -1, size = 0, offset = -1;
	const char *backend;

	if (json_unpack((json_t *)value, "{s:I, s:I, s:s, s:I}", "gpa", &gpa,
			"size", &size, "backend", &backend, "offset",
			&offset) ||
	    gpa < 0 || size <= 0 || offset < 0)
		return -EBADMSG;
	mapped.gpa = (uint64_t)gpa;
	mapped.nbytes = (uint64_t)size;
	mapped.backend = (char *)backend;
	mapped.offset = (uint64_t)offset;
	return qemu_machine_add_mapped(machine, &mapped);
}

static int add_disk(struct qemu_machine *machine, const json_t *value)
{
	struct qemu_disk disk = {0};

	/* borrowed from @value, and copied below */
	if (json_unpack((json_t *)value, "{s?s, s?s, s?s, s?s, s?s, s?s}",
			"node", &disk.node, "snapshot", &disk.snapshot, "kind",
			&disk.kind, "file", &disk.file, "format", &disk.format,
			"origin", &disk.origin))
		return -EBADMSG;
	return qemu_machine_add_disk(machine, &disk);
}

static int add_each(struct qemu_machine *machine, const json_t *array,
		    int (*add)(struct qemu_machine *, const json_t *))
{
	size_t n = json_array_size(array);
	int ret = (array && !json_is_array(array)) || n > MAX_ELEMENTS
			  ? -EBADMSG
			  : 0;

	for (size_t i = 0; !ret && i < n; i++)
		ret = add(machine, json_array_get(array, i));
	return ret;
}

/* A member that may be missing, but is text if it is there. */
static int read_text(const json_t *value, const char *name, char **ret_text)
{
	const json_t *member = json_object_get(value, name);

	if (!member)
		return 0;
	if (!json_is_string(member))
		return -EBADMSG;
	*ret_text = strdup(json_string_value(member));
	return *ret_text ? 0 : -ENOMEM;
}

static int read_members(const json_t *value, struct qemu_machine *machine)
{
	json_int_t pause_ns =
		json_integer_value(json_object_get(value, "pause-ns"));
	int ret = json_is_object(value) && json_is_array(json_object_get(
						   value, "arguments"))
			  ? 0
			  : -EBADMSG;

	machine->pause_ns = pause_ns > 0 ? (uint64_t)pause_ns : 0;
	machine->pid = (int)json_integer_value(json_object_get(value, "pid"));
	machine->start_ticks = (uint64_t)json_integer_value(
		json_object_get(value, "start-time-ticks"));
	machine->was_running =
		json_is_true(json_object_get(value, "was-running"));
	if (!ret)
		ret = read_text(value, "exe", &machine->exe);
	if (!ret)
		ret = read_text(value, "cwd", &machine->cwd);
	if (!ret)
		ret = read_text(value, "qemu-version", &machine->version);
	if (!ret)
		ret = read_text(value, "machine-type", &machine->type);
	if (!ret)
		ret = add_each(machine, json_object_get(value, "arguments"),
			       add_argument);
	if (!ret)
		ret = add_each(machine, json_object_get(value, "backends"),
			       add_backend);
	if (!ret)
		ret = add_each(machine, json_object_get(value, "memory-map"),
			       add_mapped);
	if (!ret)
		ret = add_each(machine, json_object_get(value, "disks"),
			       add_disk);
	return ret;
}

int qemu_machine_decode(const void *text, size_t length,
			struct qemu_machine *ret_machine,
			struct smudge_error *err)
{
	struct qemu_machine machine = {0};
	json_t *value =
		length <= MAX_BYTES ? json_loadb(text, length, 0, NULL) : NULL;
	int ret = value ? read_members(value, &machine) : -EBADMSG;

	json_decref(value);
	if (ret) {
		qemu_machine_free(&machine);
		return smudge_error_set(err, ret, NAME,
					ret == -ENOMEM
						? "out of memory"
						: "the layer's description of "
						  "its machine is damaged");
	}
	*ret_machine = machine;
	return 0;
}
