/* SPDX-License-Identifier: MIT */
/*
 * Core files: the list of mappings, segments against a naive oracle, and the
 * head as the system has it.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>

#include "core/layout.h"
#include "support.h"

#define PAGE UINT64_C(4096)

static const char maps_text[] =
	"00400000-00401000 r--p 00000000 fe:01 12                         "
	"/bin/a b\\012c\n"
	"00401000-00405000 r-xp 00001000 fe:01 12                         "
	"/bin/a b\\012c\n"
	"7f0000000000-7f0000003000 rw-p 00000000 00:00 0 \n"
	"7f0000003000-7f0000004000 rw-s 00010000 00:05 7                  "
	"/dev/zero (deleted)\n"
	"7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                  "
	"[vdso]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          "
	"[vsyscall]\n";

static void parse(const char *text, struct core_maps *maps)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	assert_int_equal(core_maps_parse(text, strlen(text), maps, &err), 0);
}

static void mappings(void **state)
{
	struct core_maps maps;

	parse(maps_text, &maps);
	assert_int_equal(maps.n, 6);
	assert_string_equal(maps.list[0].name, "/bin/a b\nc");
	assert_true(core_map_has_file(&maps.list[0]));
	assert_true(maps.list[1].is_executable);
	assert_false(maps.list[1].is_writable);
	assert_int_equal(maps.list[1].file_off, 0x1000);
	assert_string_equal(maps.list[2].name, "");
	assert_false(core_map_has_file(&maps.list[2]));
	assert_false(maps.list[2].is_shared);
	assert_true(maps.list[3].is_shared);
	assert_int_equal(maps.list[3].inode, 7);
	assert_string_equal(maps.list[4].name, "[vdso]");
	assert_int_equal(maps.list[5].end_address, 0xffffffffff601000);
	assert_false(maps.list[5].is_readable);
	core_maps_free(&maps);
}

static void no_mappings(void **state)
{
	static const char *const texts[] = {
		"x", "1000", "1000-2000", "1000-2000 rw-p",
		"1000-1000 rw-p 0 "
		"00:00 0 ",
		"2000-1000 rw-p 00000000 00:00 0 ",
		"1000-2000 rw-p 00000000 00:00 ",
		"1000-2000 rwp 00000000 00:00 0 ",
		"11111111111111111-2000 rw-p 00000000 00:00 0 ",
		"-1000-2000 rw-p 00000000 00:00 0 ",
		/* an overlap, and a wrong order */
		"1000-3000 rw-p 00000000 00:00 0 \n"
		"2000-4000 rw-p 00000000 00:00 0 \n",
		"3000-4000 rw-p 00000000 00:00 0 \n"
		"1000-2000 rw-p 00000000 00:00 0 \n"};
	struct core_maps maps;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct smudge_error err = SMUDGE_ERROR_INIT;

		assert_int_equal(core_maps_parse(texts[i], strlen(texts[i]),
						 &maps, &err),
				 -EBADMSG);
	}
	parse("", &maps);
	assert_int_equal(maps.n, 0);
	core_maps_free(&maps);
}

/* Every cut of every text: no byte outside of it is read. */
static void cut_mappings(void **state)
{
	for (size_t length = 0; length < strlen(maps_text); length++) {
		struct smudge_error err = SMUDGE_ERROR_INIT;
		char *text = malloc(length + 1);
		struct core_maps maps;

		assert_non_null(text);
		memcpy(text, maps_text, length);
		if (!core_maps_parse(text, length, &maps, &err))
			core_maps_free(&maps);
		free(text);
	}
}

#define NPAGES 400

/* What a page of the address space is: a mapping's index, a region's. */
struct oracle {
	int map[NPAGES];
	int region[NPAGES];
	struct core_region regions[NPAGES];
	size_t nregions;
	char text[NPAGES * 64];
};

/* Ranges that fill @of with their index, or leave -1. */
static size_t fill(int of[NPAGES], struct test_rng *rng)
{
	size_t n = 0;

	for (size_t page = 0; page < NPAGES;) {
		size_t length = 1 + test_rng_below(rng, 20);
		bool is_there = test_rng_below(rng, 3) > 0;

		for (; length-- && page < NPAGES; page++)
			of[page] = is_there ? (int)n : -1;
		n += is_there;
	}
	return n;
}

static size_t end_of(const int of[NPAGES], size_t page)
{
	size_t end = page;

	while (end < NPAGES && of[end] == of[page])
		end++;
	return end;
}

static void make_oracle(struct oracle *oracle, struct test_rng *rng)
{
	char *at = oracle->text;

	*at = '\0';
	fill(oracle->map, rng);
	oracle->nregions = fill(oracle->region, rng);
	for (size_t page = 0; page < NPAGES; page = end_of(oracle->map, page))
		if (oracle->map[page] >= 0)
			at += sprintf(at, "%zx-%zx rw-p 00000000 00:00 0 \n",
				      page * (size_t)PAGE,
				      end_of(oracle->map, page) * (size_t)PAGE);
	for (size_t page = 0; page < NPAGES;
	     page = end_of(oracle->region, page)) {
		if (oracle->region[page] < 0)
			continue;
		oracle->regions[oracle->region[page]] = (struct core_region){
			.first_address = page * PAGE,
			.nbytes = (end_of(oracle->region, page) - page) * PAGE,
			.id = 1000 + (size_t)oracle->region[page],
			.off = 77 * PAGE,
		};
	}
}

/* Return: the pages that the segment has. */
static uint64_t check_segment(const struct oracle *oracle,
			      const struct core_segment *segment)
{
	uint64_t first = segment->first_address / PAGE;

	assert_int_equal(segment->flags, PF_R | PF_W);
	for (uint64_t i = 0; i < segment->nbytes / PAGE; i++) {
		int region = oracle->region[first + i];

		assert_int_equal(oracle->map[first + i], oracle->map[first]);
		assert_int_equal(segment->content,
				 region < 0 ? CORE_NOTHING : CORE_REGION);
		if (region < 0)
			continue;
		assert_int_equal(segment->region, 1000 + (size_t)region);
		assert_int_equal(segment->region_off + i * PAGE,
				 77 * PAGE + (first + i) * PAGE -
					 oracle->regions[region].first_address);
	}
	return segment->nbytes / PAGE;
}

static void segments(void **state)
{
	struct test_rng rng = test_rng_start("core segments");

	for (unsigned int round = 0; round < test_rounds(200); round++) {
		struct oracle oracle;
		struct core_layout layout;
		struct core_maps maps;
		uint64_t npages = 0, expected = 0;

		make_oracle(&oracle, &rng);
		parse(oracle.text, &maps);
		assert_int_equal(core_segments(&maps, oracle.regions,
					       oracle.nregions, 0, &layout),
				 0);
		for (size_t i = 0; i < layout.nsegments; i++)
			npages += check_segment(&oracle, &layout.segments[i]);
		for (size_t page = 0; page < NPAGES; page++)
			expected += oracle.map[page] >= 0;
		assert_int_equal(npages, expected);
		core_layout_free(&layout);
		core_maps_free(&maps);
	}
}

static const Elf64_Phdr *header_at(const struct core_layout *layout, size_t i)
{
	return (const Elf64_Phdr *)(layout->head + sizeof(Elf64_Ehdr)) + i;
}

static const Elf64_Ehdr *check_head(const struct core_layout *layout)
{
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)layout->head;

	assert_memory_equal(head->e_ident, "\177ELF\2\1\1\0", 8);
	assert_int_equal(head->e_type, ET_CORE);
	assert_int_equal(head->e_machine, EM_X86_64);
	assert_int_equal(head->e_version, EV_CURRENT);
	assert_int_equal(head->e_phoff, sizeof(*head));
	assert_int_equal(head->e_ehsize, sizeof(*head));
	assert_int_equal(head->e_phentsize, sizeof(Elf64_Phdr));
	assert_int_equal(layout->head_bytes % PAGE, 0);
	return head;
}

static void head(void **state)
{
	const struct core_region region = {0x7f0000000000, 4 * PAGE, 5, 0};
	struct core_layout layout;
	const Elf64_Phdr *notes;
	const Elf64_Ehdr *elf;
	struct core_maps maps;
	uint64_t file_off;

	parse(maps_text, &maps);
	assert_int_equal(core_segments(&maps, &region, 1, 2 * PAGE, &layout),
			 0);
	assert_int_equal(core_layout_head(&layout, EM_X86_64, "12345678", 8),
			 0);
	elf = check_head(&layout);
	assert_int_equal(elf->e_phnum, 7);
	assert_int_equal(elf->e_shnum, 0);
	notes = header_at(&layout, 0);
	assert_int_equal(notes->p_type, PT_NOTE);
	assert_int_equal(notes->p_filesz, 8);
	assert_memory_equal(layout.head + notes->p_offset, "12345678", 8);
	file_off = layout.head_bytes;
	for (size_t i = 0; i < maps.n; i++) {
		const Elf64_Phdr *load = header_at(&layout, i + 1);
		const struct core_map *map = &maps.list[i];

		assert_int_equal(load->p_type, PT_LOAD);
		assert_int_equal(load->p_vaddr, map->first_address);
		assert_int_equal(load->p_memsz,
				 map->end_address - map->first_address);
		assert_int_equal(load->p_filesz,
				 i >= 2 && i <= 4 ? load->p_memsz : 0);
		assert_int_equal(load->p_offset, file_off);
		file_off += load->p_filesz;
	}
	assert_int_equal(header_at(&layout, 2)->p_flags, PF_R | PF_X);
	assert_int_equal(header_at(&layout, 3)->p_flags, PF_R | PF_W);
	assert_int_equal(layout.segments[4].content, CORE_VDSO);
	assert_int_equal(layout.file_bytes, file_off);
	core_layout_free(&layout);
	core_maps_free(&maps);
}

/* One mapping of so many pages with a region for each: a segment each. */
static void make_many(size_t nsegments, struct core_layout *layout)
{
	struct core_region *regions = calloc(nsegments, sizeof(*regions));
	struct core_maps maps;
	char text[80];

	assert_non_null(regions);
	sprintf(text, "%zx-%zx rw-p 00000000 00:00 0 ", (size_t)PAGE,
		(nsegments + 1) * (size_t)PAGE);
	parse(text, &maps);
	for (size_t i = 0; i < nsegments; i++)
		regions[i] = (struct core_region){(i + 1) * PAGE, PAGE, i, 0};
	assert_int_equal(core_segments(&maps, regions, nsegments, 0, layout),
			 0);
	assert_int_equal(layout->nsegments, nsegments);
	assert_int_equal(core_layout_head(layout, EM_X86_64, "abcd", 4), 0);
	core_maps_free(&maps);
	free(regions);
}

static void many_headers(void **state)
{
	static const size_t counts[] = {65533, 65534, 65535, 70000};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		bool has_section = counts[i] + 1 >= PN_XNUM;
		const Elf64_Phdr *last;
		const Elf64_Ehdr *elf;
		struct core_layout layout;

		make_many(counts[i], &layout);
		elf = check_head(&layout);
		assert_int_equal(elf->e_phnum,
				 has_section ? PN_XNUM : counts[i] + 1);
		assert_int_equal(elf->e_shnum, has_section);
		if (has_section) {
			const Elf64_Shdr *section =
				(const Elf64_Shdr *)(layout.head +
						     elf->e_shoff);

			assert_int_equal(elf->e_shentsize, sizeof(*section));
			assert_int_equal(section->sh_type, SHT_NULL);
			assert_int_equal(section->sh_info, counts[i] + 1);
		}
		last = header_at(&layout, counts[i]);
		assert_int_equal(last->p_vaddr, counts[i] * PAGE);
		assert_int_equal(last->p_offset + PAGE, layout.file_bytes);
		core_layout_free(&layout);
	}
}

/* Other notes, as long as there is room for them, move no segment. */
static void room_for_notes(void **state)
{
	static const uint8_t notes[3 * PAGE];
	struct core_layout layout;
	uint64_t file_off;

	make_many(3, &layout);
	layout.notes_room_bytes = sizeof(notes);
	assert_int_equal(core_layout_head(&layout, EM_X86_64, NULL, 0), 0);
	assert_int_equal(header_at(&layout, 0)->p_filesz, 0);
	file_off = layout.segments[2].file_off;
	assert_true(file_off >= sizeof(notes) + 2 * PAGE);
	assert_int_equal(
		core_layout_head(&layout, EM_X86_64, notes, sizeof(notes)), 0);
	check_head(&layout);
	assert_true(layout.segments[2].file_off == file_off);
	core_layout_free(&layout);
}

static void too_large(void **state)
{
	const struct core_region region = {0, UINT64_C(1) << 63, 0, 0};
	struct core_layout layout;
	struct core_maps maps;

	parse("0-8000000000000000 rw-p 00000000 00:00 0 ", &maps);
	assert_int_equal(core_segments(&maps, &region, 1, 0, &layout), 0);
	assert_int_equal(core_layout_head(&layout, EM_X86_64, "", 0), -EFBIG);
	core_layout_free(&layout);
	core_maps_free(&maps);
}

TEST_MAIN(mappings, no_mappings, cut_mappings, segments, head, many_headers,
	  room_for_notes, too_large)
