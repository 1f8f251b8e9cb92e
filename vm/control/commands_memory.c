/* SPDX-License-Identifier: MIT */
/*
 * Commands of smudge's own: what tracking costs, and a digest of all RAM.
 *
 * The digest is XXH3-128 over the RAM pieces in ascending order, each as one
 * run of bytes, so two machines with the same RAM and content agree whatever
 * their engines.
 */
#include "control/commands.h"

#include "common/wait.h"
#include "machine/lost.h"
#include "machine/machine.h"
#include "migration/migration.h"

#include <smudge/code.h>
#include <smudge/memory.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* Bytes between two looks at whether the process ends. */
#define DIGEST_BYTES (UINT64_C(64) << 20)

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
		{"kept-pages", &s.kept_pages},
		{"unfreed", &s.unfreed},
	};
	json_t *reply;
	int ret = smudge_memory_stats(machine_memory(target->machine), &s);

	if (ret)
		return qmp_error_set(err, QMP_CLASS_GENERIC,
				     "cannot read the statistics: %s",
				     strerror(-ret));
	reply = json_pack("{s:s, s:s}", "engine",
			  machine_engine_name(target->machine), "dirty-source",
			  machine_dirty_name(target->machine));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(reply, fields[i].name,
				    json_integer((json_int_t)*fields[i].value));
	add_code_stats(reply, target->machine);
	return reply;
}

/* False: the process ends. */
static bool digest_piece(const struct machine *machine,
			 const struct ram_piece *piece, XXH3_state_t *state)
{
	uint64_t done = 0;

	while (done < piece->size_bytes) {
		uint64_t left = piece->size_bytes - done;
		uint64_t n = left < DIGEST_BYTES ? left : DIGEST_BYTES;

		if (wait_is_over(machine_exit_fd(machine)))
			return false;
		XXH3_128bits_update(state, piece->hva + done, n);
		done += n;
	}
	return true;
}

/* 0, -ENOMEM, or -ECANCELED: the process ends. */
static int digest_ram(const struct machine *machine, XXH128_hash_t *ret)
{
	const struct ram *ram = machine_ram(machine);
	XXH3_state_t *state = XXH3_createState();
	bool is_whole = state != NULL;

	if (!state)
		return -ENOMEM;
	XXH3_128bits_reset(state);
	for (size_t i = 0; i < ram->npieces && is_whole; i++)
		is_whole = digest_piece(machine, &ram->pieces[i], state);
	*ret = XXH3_128bits_digest(state);
	XXH3_freeState(state);
	return is_whole ? 0 : -ECANCELED;
}

json_t *control_memory_digest(struct control_target *target,
			      const json_t *arguments, struct qmp_error *err)
{
	enum machine_run_state state = machine_run_state(target->machine);
	struct smudge_error why = {0};
	char text[33];
	XXH128_hash_t hash;
	int ret;

	/* one that a checkpoint has paused runs soon */
	if (state == MACHINE_RUNNING || state == MACHINE_SAVE_VM)
		return qmp_error_set(err, QMP_CLASS_GENERIC,
				     "the guest is running: stop it to take a "
				     "digest of its memory");
	if (migration_is_running(target->migration))
		return qmp_error_set(err, QMP_CLASS_GENERIC,
				     "a migration is in progress: the memory "
				     "may change");
	/* a vCPU that ended the machine did not wait for the others */
	machine_wait_until_out(target->machine);
	ret = digest_ram(target->machine, &hash);
	if (!ret && machine_check_memory(target->machine, &why))
		return qmp_error_set(err, QMP_CLASS_GENERIC, "%s", why.message);
	if (ret)
		return qmp_error_set(err, QMP_CLASS_GENERIC,
				     "no digest can be taken: %s",
				     ret == -ENOMEM ? "out of memory"
						    : "this smudge-vm ends");
	snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64,
		 (uint64_t)hash.high64, (uint64_t)hash.low64);
	return json_pack("{s:s, s:s, s:I}", "algorithm", "xxh3-128", "digest",
			 text, "bytes",
			 (json_int_t)machine_ram_bytes(target->machine));
}
