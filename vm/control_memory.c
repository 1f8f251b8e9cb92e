/* SPDX-License-Identifier: MIT */
/*
 * Commands of smudge's own: what tracking costs, and a digest of all RAM.
 *
 * The digest is XXH3-128 over the RAM pieces in ascending order, each as one
 * run of bytes, so two machines with the same RAM and content agree whatever
 * engine they have.
 */
#include "control_commands.h"

#include "machine.h"
#include "migration.h"

#include <smudge/code.h>
#include <smudge/memory.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* The code client is always open on an engine that translates. */
static void add_code_stats(json_t *reply, struct machine *machine)
{
	struct smudge_code_stats s = {.size = sizeof(s)};
	struct smudge_code *code = machine_code(machine);

	if (code)
		smudge_code_stats(code, &s);
	json_object_update_new(
		reply,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "code-clients",
			  (json_int_t)s.nclients, "code-bitmap-bytes",
			  (json_int_t)s.bitmap_bytes, "code-watched-pages",
			  (json_int_t)s.watched_pages, "code-blocks",
			  (json_int_t)s.blocks, "code-stale-pages",
			  (json_int_t)s.stale_pages, "code-stale-blocks",
			  (json_int_t)s.stale_blocks));
}

json_t *control_memory_stats(struct control_target *target,
			     const json_t *arguments, struct qmp_error *err)
{
	struct smudge_memory_stats s = {.size = sizeof(s)};
	const struct {
		const char *name;
		const uint64_t *value;
	} fields[] = {
		{"regions", &s.nregions},
		{"clients", &s.nclients},
		{"sources-running", &s.nsources_running},
		{"bitmap-bytes", &s.bitmap_bytes},
		{"bitmap-peak-bytes", &s.bitmap_peak_bytes},
		{"harvests", &s.harvests},
		{"harvest-ns", &s.harvest_ns},
		{"harvested-pages", &s.harvested_pages},
		{"harvest-errors", &s.harvest_errors},
		{"takes", &s.takes},
		{"take-ns", &s.take_ns},
		{"taken-pages", &s.taken_pages},
		{"rearm-ns", &s.rearm_ns},
		{"returned-pages", &s.returned_pages},
		{"looks", &s.looks},
		{"look-ns", &s.look_ns},
		{"looked-pages", &s.looked_pages},
	};
	json_t *reply;
	size_t i;
	int rc = smudge_memory_stats(machine_memory(target->machine), &s);

	if (rc)
		return qmp_error_set(err, QMP_CLASS_GENERIC,
				     "cannot read the statistics: %s",
				     strerror(-rc));
	reply = json_pack("{s:s, s:s}", "engine",
			  machine_engine_name(target->machine), "dirty-source",
			  machine_dirty_name(target->machine));
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(reply, fields[i].name,
				    json_integer((json_int_t)*fields[i].value));
	add_code_stats(reply, target->machine);
	return reply;
}

static bool digest_ram(const struct machine *machine, XXH128_hash_t *ret)
{
	const struct machine_ram *ram = NULL;
	size_t n = machine_ram(machine, &ram);
	XXH3_state_t *state = XXH3_createState();
	size_t i;

	if (!state)
		return false;
	XXH3_128bits_reset(state);
	for (i = 0; i < n; i++)
		XXH3_128bits_update(state, ram[i].hva, ram[i].size_bytes);
	*ret = XXH3_128bits_digest(state);
	XXH3_freeState(state);
	return true;
}

json_t *control_memory_digest(struct control_target *target,
			      const json_t *arguments, struct qmp_error *err)
{
	char text[33];
	XXH128_hash_t hash;

	if (machine_run_state(target->machine) == MACHINE_RUNNING)
		return qmp_error_set(err, QMP_CLASS_GENERIC,
				     "the guest is running: stop it to take a "
				     "digest of its memory");
	if (migration_is_running(target->migration))
		return qmp_error_set(err, QMP_CLASS_GENERIC,
				     "a migration is in progress: the memory "
				     "may change");
	if (!digest_ram(target->machine, &hash))
		return NULL;
	snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64,
		 (uint64_t)hash.high64, (uint64_t)hash.low64);
	return json_pack("{s:s, s:s, s:I}", "algorithm", "xxh3-128", "digest",
			 text, "bytes",
			 (json_int_t)machine_ram_bytes(target->machine));
}
