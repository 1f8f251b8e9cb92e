/* SPDX-License-Identifier: MIT */
/*
 * The ELF half of the loader: every field of the image is checked against the
 * file's length, RAM and the loader's own tables before it is used. Fields are
 * read byte by byte, little-endian, so their alignment does not matter.
 */
#include "machine/loader.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "common/file.h"
#include "engine/boot_tables.h"

#define WHERE		"loader"
#define MAX_SEGMENTS	64
#define MAX_IMAGE_BYTES (UINT64_C(1) << 30)
#define EHDR_BYTES	64
#define PHDR_BYTES	56

struct segment {
	uint64_t file_off;
	uint64_t gpa;
	uint64_t file_bytes;
	uint64_t memory_bytes;
};

struct image {
	const uint8_t *bytes;
	uint64_t len;
	uint64_t entry;
	uint64_t phoff;
	unsigned int phnum;
	unsigned int nsegments;
	struct segment segments[MAX_SEGMENTS];
};

static int refuse(struct smudge_error *err, const char *why)
{
	return smudge_error_set(err, -EINVAL, WHERE,
				"the guest image is refused: %s", why);
}

static int parse_header(struct image *image, struct smudge_error *err)
{
	static const uint8_t ident[] = {0x7f, 'E',	   'L',	      'F',
					2,    ELFDATA2LSB, EV_CURRENT};
	struct vm_reader reader = {.bytes = image->bytes, .len = image->len};
	unsigned int phentsize;

	if (image->len < 4 || memcmp(image->bytes, ident, 4) != 0)
		return refuse(err, "it is no ELF file");
	if (image->len < EHDR_BYTES)
		return refuse(err, "it is truncated within the ELF header");
	if (memcmp(image->bytes, ident, sizeof(ident)) != 0)
		return refuse(err, "it is no little-endian ELF64 file");
	vm_read(&reader, EI_NIDENT);
	if (vm_read16(&reader) != ET_EXEC)
		return refuse(err, "it is no ET_EXEC file (linked for fixed "
				   "addresses)");
	if (vm_read16(&reader) != EM_X86_64)
		return refuse(err, "it is not for x86-64");
	if (vm_read32(&reader) != EV_CURRENT)
		return refuse(err, "its ELF version is unknown");
	image->entry = vm_read64(&reader);
	image->phoff = vm_read64(&reader);
	vm_read64(&reader); /* section headers */
	vm_read32(&reader); /* flags */
	vm_read16(&reader); /* size of this header */
	phentsize = vm_read16(&reader);
	image->phnum = vm_read16(&reader);
	if (phentsize != PHDR_BYTES)
		return refuse(err, "its program headers have another size");
	if (!image->phnum)
		return refuse(err, "it has no program headers");
	return 0;
}

static int add_segment(struct image *image, const struct segment *segment,
		       struct smudge_error *err)
{
	if (segment->file_bytes > segment->memory_bytes)
		return refuse(err, "a segment is larger in the file than in "
				   "memory");
	if (segment->file_off > image->len ||
	    segment->file_bytes > image->len - segment->file_off)
		return refuse(err, "it is truncated within a segment");
	if (image->nsegments == MAX_SEGMENTS)
		return refuse(err, "it has more than 64 segments to load");
	image->segments[image->nsegments++] = *segment;
	return 0;
}

static int parse_segments(struct image *image, struct smudge_error *err)
{
	struct vm_reader reader = {.bytes = image->bytes, .len = image->len};
	int ret;

	if (image->phoff > image->len ||
	    (uint64_t)image->phnum * PHDR_BYTES > image->len - image->phoff)
		return refuse(err, "it is truncated within the program "
				   "headers");
	reader.pos = image->phoff;
	for (unsigned int i = 0; i < image->phnum; i++) {
		struct segment segment;
		uint32_t type = vm_read32(&reader);

		vm_read32(&reader); /* flags */
		segment.file_off = vm_read64(&reader);
		segment.gpa = vm_read64(&reader);
		vm_read64(&reader); /* p_paddr: RAM is mapped one to one */
		segment.file_bytes = vm_read64(&reader);
		segment.memory_bytes = vm_read64(&reader);
		vm_read64(&reader); /* alignment */
		if (type != PT_LOAD ||
		    (!segment.memory_bytes && !segment.file_bytes))
			continue;
		ret = add_segment(image, &segment, err);
		if (ret < 0)
			return ret;
	}
	if (!image->nsegments)
		return refuse(err, "it has no segment to load");
	return 0;
}

/* Not in the framebuffer. */
static uint8_t *place_of(const struct ram *ram, const struct segment *segment)
{
	const struct ram_piece *piece =
		ram_find(ram, segment->gpa, segment->memory_bytes);

	if (!piece || piece->is_vram)
		return NULL;
	return piece->hva + (segment->gpa - piece->gpa);
}

static bool overlap(const struct segment *a, const struct segment *b)
{
	return a->gpa < b->gpa + b->memory_bytes &&
	       b->gpa < a->gpa + a->memory_bytes;
}

static int check_places(const struct image *image, const struct ram *ram,
			struct smudge_error *err)
{
	uint64_t tables_end = boot_tables_end(ram);
	bool entered = false;

	for (unsigned int i = 0; i < image->nsegments; i++) {
		const struct segment *segment = &image->segments[i];

		if (!place_of(ram, segment))
			return refuse(err, "a segment lies outside RAM");
		if (segment->gpa < tables_end)
			return refuse(err, "a segment overlaps the loader's "
					   "tables in low memory");
		for (unsigned int j = 0; j < i; j++)
			if (overlap(segment, &image->segments[j]))
				return refuse(err, "two segments overlap");
		if (image->entry >= segment->gpa &&
		    image->entry - segment->gpa < segment->memory_bytes)
			entered = true;
	}
	if (!entered)
		return refuse(err, "its entry point is in no segment");
	return 0;
}

int loader_load_elf(const uint8_t *bytes, size_t len, const struct ram *ram,
		    uint64_t *ret_entry, struct smudge_error *err)
{
	struct image image = {.bytes = bytes, .len = len};
	int ret;

	ret = parse_header(&image, err);
	if (ret == 0)
		ret = parse_segments(&image, err);
	if (ret == 0)
		ret = check_places(&image, ram, err);
	if (ret < 0)
		return ret;
	for (unsigned int i = 0; i < image.nsegments; i++) {
		const struct segment *segment = &image.segments[i];
		uint8_t *dest = place_of(ram, segment);

		memcpy(dest, bytes + segment->file_off, segment->file_bytes);
		memset(dest + segment->file_bytes, 0,
		       segment->memory_bytes - segment->file_bytes);
	}
	*ret_entry = image.entry;
	return 0;
}

int loader_load_file(const char *path, const char *cmdline,
		     const struct ram *ram, struct vcpu_state *ret_state,
		     struct smudge_error *err)
{
	struct smudge_error why = {0};
	uint8_t *bytes = NULL;
	uint64_t entry;
	size_t len = 0;
	int ret;

	ret = file_read(path, MAX_IMAGE_BYTES, FILE_NO_WAIT, &bytes, &len);
	if (ret < 0)
		return smudge_error_set(
			err, ret, WHERE,
			"the guest image %.100s cannot be read: %s", path,
			file_reason(ret));
	ret = loader_load_elf(bytes, len, ram, &entry, &why);
	free(bytes);
	if (ret < 0)
		return smudge_error_set(err, ret, WHERE, "%.80s: %s", path,
					why.message);
	return loader_prepare_boot(ram, cmdline, entry, ret_state, err);
}
