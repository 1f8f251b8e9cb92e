/* SPDX-License-Identifier: MIT */
/*
 * A guest's physical memory as a core file, laid out as QEMU's
 * dump-guest-memory does without paging: a segment for each range of memory,
 * and notes for each processor. Readers find a Linux kernel by the note
 * VMCOREINFO, which is looked for in the memory while that is copied; so the
 * head is written last.
 */
#include "layers/export.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/layout.h"
#include "core/notes.h"
#include "core/vmcoreinfo.h"
#include "layers/guest.h"
#include "print_json.h"
#include "printable.h"
#include "text.h"

#define NAME	   "layers"
#define PAGE_BYTES UINT64_C(4096)
#define NSPLIT	   2 /* segments more */

struct guest_export {
	struct layers_export *export;
	struct layers_guest guest;
	struct core_layout layout;
	struct core_notes notes;
	pthread_mutex_t lock; /* guards found while memory is copied */
	struct core_vmcoreinfo found;
};

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
}

static struct core_segment segment_of(const struct layers_range *range)
{
	return (struct core_segment){
		.first_address = range->gpa,
		.nbytes = range->nbytes,
		.physical_address = range->gpa,
		.flags = PF_R | PF_W | PF_X,
		.content = CORE_REGION,
		.region = range->region,
		.region_off = range->region_off,
	};
}

static int make_segments(struct guest_export *core, struct smudge_error *err)
{
	const struct layers_guest *guest = &core->guest;

	/* one may be divided */
	core->layout.segments =
		calloc(guest->nseen + NSPLIT, sizeof(*core->layout.segments));
	if (!core->layout.segments)
		return no_memory(err);
	for (size_t i = 0; i < guest->nseen; i++)
		core->layout.segments[i] = segment_of(&guest->seen[i]);
	core->layout.nsegments = guest->nseen;
	return 0;
}

static int make_head(struct guest_export *core, struct smudge_error *err)
{
	int ret = -ENOMEM;

	if (!core->notes.is_out_of_memory)
		ret = core_layout_head(&core->layout, core->guest.elf_machine,
				       core->notes.bytes, core->notes.length);
	if (ret == -EFBIG)
		return smudge_error_set(err, ret, NAME,
					"the guest has too much memory for a "
					"file");
	return ret ? no_memory(err) : 0;
}

static void make_notes(struct guest_export *core)
{
	const struct layers_guest *guest = &core->guest;

	for (size_t i = 0; i < guest->ncpus; i++)
		core_notes_add_cpu(&core->notes, (uint32_t)i + 1,
				   &guest->cpus[i]);
	for (size_t i = 0; i < guest->ncpus; i++)
		core_notes_add_qemu(&core->notes, &guest->cpus[i]);
}

/* All but what is in memory only, for which there is room. */
static int make_layout(struct guest_export *core, struct smudge_error *err)
{
	int ret = layers_guest_need_map(&core->guest, err);

	if (!ret && core->guest.elf_machine == EM_NONE)
		ret = smudge_error_set(err, -ENODATA, NAME,
				       "which kind of processor the layer's "
				       "QEMU has is not known");
	if (!ret)
		ret = make_segments(core, err);
	if (ret)
		return ret;
	make_notes(core);
	core->layout.notes_room_bytes = core->notes.length +
					CORE_VMCOREINFO_NOTE_BYTES +
					NSPLIT * sizeof(Elf64_Phdr);
	return make_head(core, err);
}

static void look(void *opaque, uint64_t file_off, const uint8_t *bytes,
		 uint64_t nbytes)
{
	struct guest_export *core = opaque;

	for (uint64_t at = 0; at < nbytes; at += PAGE_BYTES) {
		if (!core_vmcoreinfo_is_likely(bytes + at))
			continue;
		pthread_mutex_lock(&core->lock);
		core_vmcoreinfo_look(&core->found, file_off + at, bytes + at,
				     nbytes - at);
		pthread_mutex_unlock(&core->lock);
	}
}

/* The part of a segment that begins so far from its first byte. */
static struct core_segment part_of(const struct core_segment *segment,
				   uint64_t off, uint64_t nbytes)
{
	struct core_segment part = *segment;

	part.first_address += off;
	part.physical_address += off;
	part.region_off += off;
	part.nbytes = nbytes;
	return part;
}

/* In place of segment @i: what is before the page, it, and what is behind. */
static void split_segment(struct core_layout *layout, size_t i, uint64_t off,
			  uint64_t address)
{
	const struct core_segment whole = layout->segments[i];
	struct core_segment *at = &layout->segments[i];

	memmove(at + 1 + NSPLIT, at + 1,
		(layout->nsegments - i - 1) * sizeof(*at));
	at[0] = part_of(&whole, 0, off);
	at[1] = part_of(&whole, off, PAGE_BYTES);
	at[1].first_address = address;
	at[2] = part_of(&whole, off + PAGE_BYTES,
			whole.nbytes - off - PAGE_BYTES);
	layout->nsegments += NSPLIT;
	layout->notes_room_bytes -= NSPLIT * sizeof(Elf64_Phdr);
}

/* Is there a page so far from the beginning, and others around it? */
static bool is_within(const struct core_segment *segment, uint64_t off)
{
	return off && segment->nbytes > PAGE_BYTES &&
	       off < segment->nbytes - PAGE_BYTES;
}

/* The bytes stay where they are in the file. */
static void split_page_tables(struct guest_export *core)
{
	struct core_layout *layout = &core->layout;
	uint64_t address, physical;

	if (core->guest.elf_machine != EM_X86_64 ||
	    layout->nsegments + 1 + NSPLIT >= PN_XNUM ||
	    !core_vmcoreinfo_page_tables(&core->found, &address, &physical))
		return;
	for (size_t i = 0; i < layout->nsegments; i++) {
		const struct core_segment *segment = &layout->segments[i];
		uint64_t off = physical - segment->physical_address;

		if (is_within(segment, off)) {
			split_segment(layout, i, off, address);
			return;
		}
	}
}

static int write_head(struct guest_export *core, const struct new_file *file,
		      struct smudge_error *err)
{
	int ret;

	if (core->found.length)
		core_notes_add(&core->notes, CORE_VMCOREINFO_NAME, 0,
			       core->found.text, core->found.length);
	split_page_tables(core);
	ret = make_head(core, err);
	if (!ret)
		ret = layers_export_put(file, core->layout.head,
					core->layout.head_bytes, 0, err);
	return ret;
}

static int write_file(struct guest_export *core, struct smudge_error *err)
{
	const struct layers_request *request = core->export->request;
	const struct layers_copying copying = {.look = look,
					       .look_opaque = core};
	struct new_file file;
	int ret =
		new_file_open(&file, request->output, request->is_forced, err);

	if (ret)
		return ret;
	ret = layers_export_stretch(&file, core->layout.file_bytes, err);
	if (!ret)
		ret = layers_export_segments(core->export, &core->layout, &file,
					     copying, err);
	if (!ret)
		ret = write_head(core, &file, err);
	if (!ret)
		ret = new_file_keep(&file, err);
	new_file_close(&file);
	return layers_interrupted(ret, err);
}

static int print_object(const struct guest_export *core, const char *release,
			struct smudge_error *err)
{
	const struct layers_export *export = core->export;
	json_t *object = json_pack(
		"{s:o, s:o, s:I, s:s?}", "file",
		layers_text_json(export->request->output), "layer",
		layers_text_json(export->info.file_name), "processors",
		(json_int_t)core->guest.ncpus, "linux", release);
	int ret;

	layers_add(object, "time-ns", export->info.time_ns);
	layers_add(object, "segments", core->layout.nsegments);
	layers_add(object, "length-bytes", core->layout.file_bytes);
	ret = print_json(object, JSON_INDENT(2), err);
	json_decref(object);
	return ret;
}

static int print(const struct guest_export *core, struct smudge_error *err)
{
	const struct layers_export *export = core->export;
	char time[LAYERS_TIME_BYTES], bytes[TEXT_BYTES], value[65] = "";
	char path[PATH_MAX];
	const char *release = core_vmcoreinfo_value(&core->found, "OSRELEASE",
						    value, sizeof(value))
				      ? value
				      : NULL;

	if (export->request->is_json)
		return print_object(core, release, err);
	layers_time(export->info.time_ns, time);
	text_bytes(bytes, (double)core->layout.file_bytes);
	printable_copy(path, sizeof(path), export->request->output);
	printf("%s: guest at %s, %s%s, %zu processor%s, %zu segment%s, %s\n",
	       path, time, release ? "Linux " : "no Linux", value,
	       core->guest.ncpus, core->guest.ncpus == 1 ? "" : "s",
	       core->layout.nsegments, core->layout.nsegments == 1 ? "" : "s",
	       bytes);
	return 0;
}

int layers_export_guest(struct layers_export *export, struct smudge_error *err)
{
	struct guest_export core = {
		.export = export,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	int ret = layers_guest_open(export->chain, &core.guest, err);

	if (!ret)
		ret = make_layout(&core, err);
	if (!ret)
		ret = write_file(&core, err);
	if (!ret)
		ret = print(&core, err);
	core_layout_free(&core.layout);
	core_notes_free(&core.notes);
	layers_guest_free(&core.guest);
	pthread_mutex_destroy(&core.lock);
	return ret;
}
