/* SPDX-License-Identifier: MIT */
/*
 * A backend is found in its process by its size, and by the kind of its
 * mapping. Where several have one size, QEMU's monitor for people says at which
 * address each is.
 */
#include "qemu/backends.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>
#include <smudge/process.h>

#include "qemu/gpa.h"
#include "qemu/mappings.h"
#include "qemu/peer.h"

#define NAME  "qemu"
#define MEMFD "/memfd:"

void qemu_places_free(struct qemu_places *places)
{
	free(places->places);
	places->places = NULL;
	places->n = 0;
}

static int refuse_private(const char *id, uint64_t bytes,
			  struct smudge_error *err)
{
	return smudge_error_set(
		err, -EOPNOTSUPP, NAME,
		"the memory %.40s of this QEMU is private: start it with "
		"-object memory-backend-file,id=mem,size=%" PRIu64
		"M,share=on,mem-path=/dev/shm -machine memory-backend=mem",
		id, bytes >> 20);
}

static bool is_kind(const struct qemu_mapping *mapping, uint64_t bytes)
{
	return mapping->is_shared &&
	       mapping->end_address - mapping->first_address == bytes &&
	       mapping->name[0] == '/';
}

/* How many mappings it may be; the first of them. */
static size_t count_candidates(const struct qemu_mappings *mappings,
			       uint64_t bytes,
			       const struct qemu_mapping **ret_first)
{
	size_t n = 0;

	for (size_t i = mappings->n; i-- > 0;) {
		if (is_kind(&mappings->mappings[i], bytes)) {
			*ret_first = &mappings->mappings[i];
			n++;
		}
	}
	return n;
}

/* The one that QEMU says has the backend. */
static int tell_apart(struct qemu_peer *peer, const char *id,
		      const struct qemu_mappings *mappings, uint64_t bytes,
		      const struct qemu_mapping **ret_mapping)
{
	uint64_t address;

	if (qemu_gpa_find(peer, id, &address))
		return -ENOENT;
	for (size_t i = 0; i < mappings->n; i++) {
		if (mappings->mappings[i].first_address == address &&
		    is_kind(&mappings->mappings[i], bytes)) {
			*ret_mapping = &mappings->mappings[i];
			return 0;
		}
	}
	return -ENOENT;
}

static int find_mapping(struct qemu_peer *peer, const char *id,
			const struct qemu_mappings *mappings, uint64_t bytes,
			const struct qemu_mapping **ret_mapping,
			struct smudge_error *err)
{
	size_t n = count_candidates(mappings, bytes, ret_mapping);

	if (n == 1 ||
	    (n && !tell_apart(peer, id, mappings, bytes, ret_mapping)))
		return 0;
	return smudge_error_set(
		err, -ENOENT, NAME,
		n ? "it cannot be told which memory of process %d is the "
		    "backend %.60s: give the backends different sizes"
		  : "process %d has no memory that looks like the backend "
		    "%.60s, which memory-backend-memfd or -file with share=on "
		    "would make",
		(int)peer->pid, id);
}

static int add_place(struct qemu_places *places, const char *id,
		     const struct qemu_mapping *mapping)
{
	struct qemu_place *grown =
		realloc(places->places, (places->n + 1) * sizeof(*grown));
	struct qemu_place *added;

	if (!grown)
		return -ENOMEM;
	places->places = grown;
	added = &grown[places->n++];
	memset(added, 0, sizeof(*added));
	snprintf(added->id, sizeof(added->id), "%s", id);
	memcpy(added->name, mapping->name, sizeof(added->name));
	added->first_address = mapping->first_address;
	added->end_address = mapping->end_address;
	added->kind = strncmp(mapping->name, MEMFD, strlen(MEMFD)) == 0
			      ? QEMU_BACKEND_MEMFD
			      : QEMU_BACKEND_FILE;
	return 0;
}

static int add_backend(struct qemu_peer *peer, const json_t *backend,
		       const struct qemu_mappings *mappings,
		       struct qemu_places *places, struct smudge_error *err)
{
	const char *id = json_string_value(json_object_get(backend, "id"));
	json_int_t bytes = json_integer_value(json_object_get(backend, "size"));
	const struct qemu_mapping *mapping = NULL;
	int ret;

	if (!id || bytes <= 0)
		return smudge_error_set(err, -EOPNOTSUPP, NAME,
					"this QEMU has memory without a name, "
					"or of no size");
	if (!json_is_true(json_object_get(backend, "share")))
		return refuse_private(id, (uint64_t)bytes, err);
	ret = find_mapping(peer, id, mappings, (uint64_t)bytes, &mapping, err);
	if (!ret && add_place(places, id, mapping))
		ret = smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	return ret;
}

static int find_all(struct qemu_peer *peer, const json_t *backends,
		    const struct qemu_mappings *mappings,
		    struct qemu_places *places, struct smudge_error *err)
{
	json_t *backend;
	size_t i;
	int ret = 0;

	json_array_foreach(backends, i, backend)
	{
		ret = add_backend(peer, backend, mappings, places, err);
		if (ret)
			return ret;
	}
	if (places->n)
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"this QEMU has no memory backend: start it "
				"with -object memory-backend-file,id=mem,"
				"size=SIZE,share=on,mem-path=/dev/shm -machine "
				"memory-backend=mem");
}

int qemu_backends_find(struct qemu_peer *peer, struct qemu_places *ret_places,
		       struct smudge_error *err)
{
	struct qemu_mappings mappings = {0};
	struct qemu_places places = {0};
	json_t *backends = NULL;
	int ret = qemu_peer_run(peer, "query-memdev", NULL, &backends, err);

	if (ret)
		return ret;
	ret = qemu_mappings_read(peer->pid, &mappings);
	if (ret)
		smudge_error_set(err, ret, NAME,
				 "the mappings of process %d cannot be read: "
				 "%s",
				 (int)peer->pid, strerror(-ret));
	else
		ret = find_all(peer, backends, &mappings, &places, err);
	free(mappings.mappings);
	json_decref(backends);
	if (ret)
		qemu_places_free(&places);
	else
		*ret_places = places;
	return ret;
}

static bool is_place(const struct qemu_places *places, uint64_t first,
		     uint64_t end)
{
	for (size_t i = 0; i < places->n; i++)
		if (first < places->places[i].end_address &&
		    end > places->places[i].first_address)
			return true;
	return false;
}

/* Does only the backends' memory lie between them? */
static bool is_dense(const struct qemu_places *places,
		     const struct qemu_mappings *mappings, uint64_t first,
		     uint64_t end)
{
	for (size_t i = 0; i < mappings->n; i++) {
		const struct qemu_mapping *mapping = &mappings->mappings[i];

		if (mapping->first_address < end &&
		    mapping->end_address > first &&
		    !is_place(places, mapping->first_address,
			      mapping->end_address))
			return false;
	}
	return true;
}

static bool is_one_name(const struct qemu_places *places)
{
	for (size_t i = 1; i < places->n; i++)
		if (strcmp(places->places[i].name, places->places[0].name) != 0)
			return false;
	return !strpbrk(places->places[0].name, "*?[\\");
}

int qemu_places_select(const struct qemu_places *places, pid_t pid,
		       struct smudge_process_options *options,
		       struct smudge_error *err)
{
	uint64_t first = UINT64_MAX, end = 0;
	struct qemu_mappings mappings = {0};
	int ret = qemu_mappings_read(pid, &mappings);
	bool dense;

	for (size_t i = 0; i < places->n; i++) {
		const struct qemu_place *place = &places->places[i];

		first = place->first_address < first ? place->first_address
						     : first;
		end = place->end_address > end ? place->end_address : end;
	}
	dense = !ret && is_dense(places, &mappings, first, end);
	free(mappings.mappings);
	if (dense) {
		options->select = SMUDGE_PROCESS_RANGE;
		options->first_address = first;
		options->end_address = end;
		return 0;
	}
	if (is_one_name(places)) {
		options->select = SMUDGE_PROCESS_NAMED;
		options->pattern = places->places[0].name;
		return 0;
	}
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"the memory backends of this QEMU lie apart in "
				"its memory: give the machine one for all of "
				"it");
}
