/* SPDX-License-Identifier: MIT */
/*
 * What a restore will do: known before anything is written.
 */
#include "restore/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#include "clock.h"
#include "layers/layers.h"
#include "qemu/doubts.h"
#include "qemu/images.h"
#include "qemu/properties.h"
#include "qemu/sockets.h"
#include "restore/disks.h"
#include "restore/listening.h"

#define NAME "restore"

static bool has_blob(const struct smudge_chain *chain, const char *name)
{
	const void *bytes;
	size_t length;

	return smudge_chain_blob(chain, name, 0, &bytes, &length, NULL) == 0;
}

/* A layer of something else: what restores that? */
static int other_layer(const struct restore_plan *plan,
		       const struct restore_request *request,
		       struct smudge_error *err)
{
	const char *file = plan->info.file_name;

	if (has_blob(plan->chain, "smudge-vm"))
		return smudge_error_set(err, -ENODATA, NAME,
					"%.63s is of a smudge-vm, not of a "
					"QEMU: smudge-vm --restore %.110s "
					"continues it",
					file, request->layer.folder);
	if (has_blob(plan->chain, "process"))
		return smudge_error_set(err, -ENODATA, NAME,
					"%.63s is of a process, which cannot "
					"be started again: smudge layers "
					"export --core makes a core of it",
					file);
	return smudge_error_set(err, -ENODATA, NAME,
				"%.63s holds memory, but no machine of a QEMU",
				file);
}

static int read_machine(struct restore_plan *plan,
			const struct restore_request *request,
			struct smudge_error *err)
{
	const void *text;
	size_t length;

	if (smudge_chain_blob(plan->chain, QEMU_MACHINE_BLOB, 0, &text, &length,
			      NULL) ||
	    smudge_chain_blob(plan->chain, QEMU_STATE_BLOB, 0, &plan->state,
			      &plan->state_bytes, NULL))
		return other_layer(plan, request, err);
	return qemu_machine_decode(text, length, &plan->machine, err);
}

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
}

/* A path that does not depend on where this program is; freed by the caller. */
static char *absolute(const char *cwd, const char *path)
{
	char here[PATH_MAX];
	char *text = NULL;

	if (path[0] == '/')
		return strdup(path);
	if (!cwd)
		cwd = getcwd(here, sizeof(here));
	if (!cwd || asprintf(&text, "%s%s%s", cwd,
			     strcmp(cwd, "/") == 0 ? "" : "/", path) < 0)
		return NULL;
	return text;
}

static int find_region(const struct smudge_chain *chain,
		       const struct qemu_backend *backend,
		       struct restore_memory *memory, struct smudge_error *err)
{
	struct smudge_layer_region region = {.size = sizeof(region)};

	for (size_t i = 0; i < smudge_chain_nregions(chain); i++) {
		if (smudge_chain_region(chain, i, &region) ||
		    strcmp(region.name, backend->region) != 0)
			continue;
		memory->region = i;
		if (region.size_bytes == backend->size_bytes)
			return 0;
		return smudge_error_set(err, -EBADMSG, NAME,
					"the layer has %" PRIu64
					" bytes of the memory backend '%.60s', "
					"which has %" PRIu64,
					region.size_bytes, backend->id,
					backend->size_bytes);
	}
	return smudge_error_set(err, -EBADMSG, NAME,
				"the layer lacks the memory of the backend "
				"'%.60s'",
				backend->id);
}

static int plan_memory(struct restore_plan *plan, const char *base,
		       struct smudge_error *err)
{
	size_t n = plan->machine.nbackends;

	if (!n)
		return smudge_error_set(err, -EBADMSG, NAME,
					"the layer names no memory backend of "
					"its machine");
	plan->memories = calloc(n, sizeof(*plan->memories));
	if (!plan->memories ||
	    asprintf(&plan->state_path, "%s.state", base) < 0)
		return no_memory(err);
	for (size_t i = 0; i < n; i++) {
		const struct qemu_backend *backend = &plan->machine.backends[i];
		int ret = 0;

		if (!qemu_backend_is_file_name(backend) ||
		    strcmp(backend->id, "state") == 0)
			ret = smudge_error_set(err, -EBADMSG, NAME,
					       "'%.60s' is no memory backend's "
					       "id",
					       backend->id);
		else
			ret = find_region(plan->chain, backend,
					  &plan->memories[i], err);
		if (ret)
			return ret;
		plan->memories[i].path =
			qemu_backend_path(&plan->machine, i, base);
		if (!plan->memories[i].path)
			return no_memory(err);
	}
	return 0;
}

static int plan_words(struct restore_plan *plan,
		      const struct restore_request *request,
		      struct smudge_error *err)
{
	size_t n = plan->machine.nbackends;
	struct qemu_backend_file *files = calloc(n, sizeof(*files));
	int ret;

	if (!files)
		return no_memory(err);
	for (size_t i = 0; i < n; i++)
		files[i] = (struct qemu_backend_file){
			.id = plan->machine.backends[i].id,
			.path = plan->memories[i].path,
			.size_bytes = plan->machine.backends[i].size_bytes,
		};
	ret = qemu_arguments_restore(
		request->words ? request->words : plan->machine.arguments,
		plan->machine.type, files, n, &plan->words, err);
	free(files);
	return ret;
}

static void note(void *opaque, bool forbids, const char *sentence)
{
	struct restore_plan *plan = opaque;

	json_array_append_new(plan->notes,
			      json_pack("{s:o, s:b}", "text",
					layers_text_json(sentence),
					"forbids-run", (int)forbids));
}

/* QEMU would take the socket's name from the machine that has it. */
static int note_socket(void *opaque, const char *path)
{
	struct restore_plan *plan = opaque;
	char *whole = absolute(plan->cwd, path);
	char sentence[400];

	if (whole && (listening_on(whole) || listening_on(path))) {
		snprintf(sentence, sizeof(sentence),
			 "%.200s is in use: a machine that still runs listens "
			 "there; end it first, or give a command line with "
			 "other sockets after --",
			 whole);
		note(plan, true, sentence);
	}
	free(whole);
	return 0;
}

/*
 * The command line has the overlay in place of the image that it names. One
 * that is there is a disk, and never replaced.
 */
static int plan_overlay(struct restore_plan *plan, const char *base,
			const char *when, size_t i, struct smudge_error *err)
{
	const struct qemu_disk *disk = &plan->machine.disks[i];
	char *path = restore_disks_overlay(disk, base, when, i);
	char sentence[400];
	int ret = path ? 0 : no_memory(err);

	if (!ret && access(path, F_OK) == 0)
		ret = smudge_error_set(err, -EEXIST, NAME,
				       "%.120s is there already", path);
	if (!ret &&
	    (!disk->origin || !qemu_replace_image(&plan->words, plan->cwd,
						  disk->origin, path))) {
		snprintf(sentence, sizeof(sentence),
			 "the disk %.60s is %.150s now, and no -drive of the "
			 "command line names its image: give one after --",
			 disk->node ? disk->node : "?", path);
		note(plan, true, sentence);
	}
	free(path);
	return ret;
}

static int plan_disks(struct restore_plan *plan,
		      const struct restore_request *request, const char *base,
		      struct smudge_error *err)
{
	char when[RESTORE_TIME_BYTES];
	int ret = 0;

	restore_disks_time(when);
	plan->disks = request->words ? json_array()
				     : restore_disks_commands(&plan->machine,
							      base, when);
	if (!plan->disks)
		return no_memory(err);
	for (size_t i = 0; !ret && !request->words && i < plan->machine.ndisks;
	     i++)
		if (qemu_disk_is_overlay(&plan->machine.disks[i]))
			ret = plan_overlay(plan, base, when, i, err);
	return ret;
}

static int plan_notes(struct restore_plan *plan,
		      const struct restore_request *request,
		      struct smudge_error *err)
{
	const struct qemu_doubt_sink sink = {.found = note, .opaque = plan};

	plan->notes = json_array();
	if (!plan->notes)
		return no_memory(err);
	if (request->words && plan->machine.ndisks)
		note(plan, false,
		     "the disks stay as they are, since a command line was "
		     "given: their snapshots are named in the layer, and "
		     "qemu-img snapshot -a applies them");
	/* the user answers for a command line that was given, but sockets */
	if (!request->words)
		qemu_doubts(plan->words.words, plan->machine.ndisks != 0,
			    &sink);
	return qemu_each_listened(plan->words.words, note_socket, plan);
}

/* Beside the memory's file. */
static int add_monitor(struct restore_plan *plan, const char *base,
		       struct smudge_error *err)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	if (asprintf(&plan->monitor, "%s.qmp", base) < 0)
		plan->monitor = NULL;
	if (stream && plan->monitor) {
		fputs("unix:", stream);
		qemu_property_put(stream, plan->monitor);
		fputs(",server=on,wait=off", stream);
	}
	if (stream && fclose(stream) != 0) {
		free(text);
		text = NULL;
	}
	qemu_words_add(&plan->words, "-qmp");
	qemu_words_take(&plan->words, text);
	return plan->words.is_out_of_memory || !plan->monitor ? no_memory(err)
							      : 0;
}

/* With --run there is another one. */
static int plan_monitor(const struct restore_request *request,
			struct restore_plan *plan, const char *base,
			struct smudge_error *err)
{
	char *path = qemu_find_monitor(plan->words.words);

	if (!path)
		return request->is_run ? 0 : add_monitor(plan, base, err);
	plan->monitor = absolute(plan->cwd, path);
	free(path);
	return plan->monitor ? 0 : no_memory(err);
}

static int plan_all(const struct restore_request *request, const char *base,
		    struct restore_plan *plan, struct smudge_error *err)
{
	int ret = read_machine(plan, request, err);

	if (!ret)
		ret = plan_memory(plan, base, err);
	if (!ret)
		ret = plan_words(plan, request, err);
	if (ret)
		return ret;
	plan->cwd = request->words ? NULL : plan->machine.cwd;
	ret = plan_notes(plan, request, err);
	if (!ret)
		ret = plan_disks(plan, request, base, err);
	return ret ? ret : plan_monitor(request, plan, base, err);
}

int restore_plan_make(const struct restore_request *request,
		      struct restore_plan *ret_plan, struct smudge_error *err)
{
	char *base = absolute(NULL, request->memory);
	int ret;

	*ret_plan = (struct restore_plan){.info.size = sizeof(ret_plan->info)};
	if (!base)
		return no_memory(err);
	ret = layer_place_open(&request->layer, interrupt_end_fd(),
			       &ret_plan->place, err);
	ret_plan->chain = ret_plan->place.chain;
	if (!ret)
		ret = layer_place_info(&ret_plan->place, &ret_plan->info, err);
	ret = ret ? ret : plan_all(request, base, ret_plan, err);
	free(base);
	return ret;
}

void restore_plan_free(struct restore_plan *plan)
{
	for (size_t i = 0; plan->memories && i < plan->machine.nbackends; i++)
		free(plan->memories[i].path);
	free(plan->memories);
	free(plan->state_path);
	free(plan->monitor);
	qemu_words_free(&plan->words);
	qemu_machine_free(&plan->machine);
	json_decref(plan->disks);
	json_decref(plan->notes);
	layer_place_close(&plan->place);
}

const char *restore_plan_forbidden(const struct restore_plan *plan)
{
	const json_t *object;
	size_t i;

	json_array_foreach(plan->notes, i, object)
	{
		if (json_is_true(json_object_get(object, "forbids-run")))
			return json_string_value(
				json_object_get(object, "text"));
	}
	return NULL;
}
