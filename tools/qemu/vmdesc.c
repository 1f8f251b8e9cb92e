/* SPDX-License-Identifier: MIT */
/*
 * Sections walked by their description. A device has an array of fields, each
 * with the size that it has in the stream, array_len times; and subsections,
 * each with a mark, a name and a version before its own fields. What a struct
 * consists of is in its size already.
 */
#include "qemu/vmdesc.h"

#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "qemu/cursor.h"

#define SECTION_FULL 0x04
#define FOOTER_MARK  0x7e
#define FOOTER_BYTES 5
/* In so many bytes a description has come to its devices. */
#define ENOUGH_BYTES	4096
#define MAX_DEPTH	16
#define MAX_FIELD_BYTES ((json_int_t)1 << 32)

/* A text that is read object by object. */
struct scan {
	const char *text;
	size_t length;
	size_t at;
	bool is_out_of_memory;
};

/* Over a string that begins at @at; to the text's end if it has none. */
static void skip_string(struct scan *scan)
{
	for (scan->at++; scan->at < scan->length; scan->at++) {
		if (scan->text[scan->at] == '\\')
			scan->at++;
		else if (scan->text[scan->at] == '"')
			break;
	}
}

/* After the object that begins at @at. Return: false: it has no end. */
static bool skip_object(struct scan *scan)
{
	unsigned int depth = 0;

	for (; scan->at < scan->length; scan->at++) {
		char c = scan->text[scan->at];

		if (c == '"')
			skip_string(scan);
		else if (c == '{')
			depth++;
		else if (c == '}' && --depth == 0)
			break;
	}
	if (scan->at >= scan->length)
		return false;
	scan->at++;
	return true;
}

static bool skip_blank(struct scan *scan, const char *blanks)
{
	while (scan->at < scan->length && scan->text[scan->at] &&
	       strchr(blanks, scan->text[scan->at]))
		scan->at++;
	return scan->at < scan->length;
}

/* To the first element of the outermost object's array "devices". */
static bool find_devices(struct scan *scan)
{
	static const char name[] = "\"devices\"";
	unsigned int depth = 0;

	for (; scan->at < scan->length; scan->at++) {
		char c = scan->text[scan->at];

		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		else if (c == '"') {
			size_t begin = scan->at;

			skip_string(scan);
			if (depth == 1 && scan->at < scan->length &&
			    scan->at + 1 - begin == strlen(name) &&
			    !memcmp(scan->text + begin, name, strlen(name)))
				break;
		}
	}
	scan->at++;
	return skip_blank(scan, ": ") && scan->text[scan->at++] == '[';
}

/* The next device: a new reference, or NULL: none is known whole. */
static json_t *next_device(struct scan *scan)
{
	json_error_t error;
	json_t *device;
	size_t begin;

	if (!skip_blank(scan, ", \n\r\t") || scan->text[scan->at] != '{')
		return NULL;
	begin = scan->at;
	if (!skip_object(scan))
		return NULL;
	device = json_loadb(scan->text + begin, scan->at - begin, 0, &error);
	if (!device)
		scan->is_out_of_memory =
			json_error_code(&error) == json_error_out_of_memory;
	return device;
}

static void skip_content(struct qemu_cursor *cursor, const json_t *device,
			 unsigned int depth);

static void skip_fields(struct qemu_cursor *cursor, const json_t *fields)
{
	size_t n = json_array_size(fields);

	for (size_t i = 0; i < n && !cursor->is_short; i++) {
		const json_t *field = json_array_get(fields, i);
		const json_t *repeat = json_object_get(field, "array_len");
		json_int_t count = repeat ? json_integer_value(repeat) : 1;
		json_int_t size =
			json_integer_value(json_object_get(field, "size"));

		if (size < 0 || size > MAX_FIELD_BYTES || count < 0 ||
		    count > MAX_FIELD_BYTES)
			cursor->is_short = true;
		else if ((uint64_t)size * (uint64_t)count <= cursor->length)
			qemu_cursor_skip(cursor, (size_t)(size * count));
		else
			cursor->is_short = true;
	}
}

static void skip_subsection(struct qemu_cursor *cursor, const json_t *section,
			    unsigned int depth)
{
	const char *name =
		json_string_value(json_object_get(section, "vmsd_name"));
	size_t length;
	const char *text;

	qemu_cursor_skip(cursor, 1);
	text = qemu_cursor_text(cursor, &length);
	qemu_cursor_skip(cursor, 4);
	if (!name || !text || length != strlen(name) ||
	    memcmp(text, name, length) != 0)
		cursor->is_short = true;
	else
		skip_content(cursor, section, depth + 1);
}

static void skip_content(struct qemu_cursor *cursor, const json_t *device,
			 unsigned int depth)
{
	const json_t *sections = json_object_get(device, "subsections");
	size_t n = json_array_size(sections);

	if (depth > MAX_DEPTH)
		cursor->is_short = true;
	skip_fields(cursor, json_object_get(device, "fields"));
	for (size_t i = 0; i < n && !cursor->is_short; i++)
		skip_subsection(cursor, json_array_get(sections, i), depth);
}

/* Over a section's head. Return: false: it is none of this device. */
static bool skip_head(struct qemu_cursor *cursor, const json_t *device,
		      uint64_t *ret_section)
{
	const char *name = json_string_value(json_object_get(device, "name"));
	const json_t *number = json_object_get(device, "instance_id");
	bool is_full = qemu_cursor_number(cursor, 1) == SECTION_FULL;
	const char *text;
	uint64_t instance;
	size_t length;

	*ret_section = qemu_cursor_number(cursor, 4);
	text = qemu_cursor_text(cursor, &length);
	instance = qemu_cursor_number(cursor, 4);
	qemu_cursor_skip(cursor, 4);
	return !cursor->is_short && is_full && name && length == strlen(name) &&
	       !memcmp(text, name, length) &&
	       (uint32_t)json_integer_value(number) == instance;
}

static bool skip_footer(struct qemu_cursor *cursor, uint64_t section)
{
	return qemu_cursor_number(cursor, 1) == FOOTER_MARK &&
	       qemu_cursor_number(cursor, 4) == section && !cursor->is_short;
}

/* Over the section of @device, which must be at the cursor. */
static enum qemu_vmdesc_fit skip_section(struct qemu_cursor *cursor,
					 const json_t *device)
{
	bool is_first = cursor->at == 0;
	uint64_t section;

	if (!skip_head(cursor, device, &section))
		return is_first ? QEMU_VMDESC_NONE : QEMU_VMDESC_WRONG;
	skip_content(cursor, device, 0);
	return skip_footer(cursor, section) ? QEMU_VMDESC_FITS
					    : QEMU_VMDESC_WRONG;
}

/* Nothing, or what begins and ends as sections do. */
static bool is_rest(struct qemu_cursor *cursor)
{
	struct qemu_cursor end = *cursor;

	if (cursor->at == cursor->length)
		return true;
	if (qemu_cursor_number(cursor, 1) != SECTION_FULL ||
	    end.length - end.at < FOOTER_BYTES)
		return false;
	end.at = end.length - FOOTER_BYTES;
	return qemu_cursor_number(&end, 1) == FOOTER_MARK;
}

/* No device is described, where one would be if it was a description. */
static enum qemu_vmdesc_fit none(const struct scan *scan)
{
	return scan->is_out_of_memory || scan->length < ENOUGH_BYTES
		       ? QEMU_VMDESC_WRONG
		       : QEMU_VMDESC_NONE;
}

enum qemu_vmdesc_fit qemu_vmdesc_fit(const struct qemu_vmdesc *description,
				     size_t max_devices)
{
	struct scan scan = {
		.text = description->text,
		.length = description->known_length,
	};
	struct qemu_cursor cursor = {
		.bytes = description->sections,
		.length = description->sections_length,
	};
	enum qemu_vmdesc_fit fit = QEMU_VMDESC_FITS;
	json_t *device;

	if (!find_devices(&scan))
		return none(&scan);
	while (fit == QEMU_VMDESC_FITS && max_devices-- &&
	       (device = next_device(&scan))) {
		fit = skip_section(&cursor, device);
		json_decref(device);
	}
	if (fit != QEMU_VMDESC_FITS)
		return fit;
	if (!cursor.at)
		return none(&scan);
	return is_rest(&cursor) ? QEMU_VMDESC_FITS : QEMU_VMDESC_WRONG;
}
