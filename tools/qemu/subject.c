/* SPDX-License-Identifier: MIT */
/*
 * A machine that was paused before, and has not run since its last stand, has
 * the same state still. Some versions of QEMU refuse to migrate it twice, so
 * that state is used again.
 */
#include "qemu/subject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "qemu/backends.h"
#include "qemu/disks.h"
#include "qemu/gpa.h"
#include "qemu/guard.h"
#include "qemu/machine.h"
#include "qemu/peer.h"
#include "qemu/refusals.h"
#include "qemu/stand.h"
#include "qemu/stream.h"
#include "qmp_client.h"

#define NAME "qemu"
/* How long it may stand for its devices if no deadline was given. */
#define DEFAULT_TIMEOUT_MS 10000
/* How much longer for its disks, which are flushed. */
#define DISKS_MS 60000

struct qemu_subject {
	struct qemu_peer peer;
	struct qemu_machine machine; /* what layers keep of it */
	struct qemu_places places;
	struct smudge_process *process;
	struct qemu_guard guard;
	struct qemu_stand stand;
	struct qemu_disks *disks; /* or NULL: no snapshots of them */
	int64_t timeout_ms;
	bool is_kept;	     /* this stand is the state of the last one */
	bool has_state;	     /* the last stand's */
	bool was_running;    /* at it */
	uint64_t stopped_ns; /* since the last report, by its events */
	uint64_t own_ns;     /* of it, the last stand's of ours */
	size_t state_bytes;
};

/* The name of the region that holds the place; or NULL. */
static const char *region_name(struct smudge_memory *memory,
			       const struct qemu_place *place)
{
	struct smudge_region *regions[SMUDGE_MAX_REGIONS];
	size_t n = smudge_memory_regions(memory, regions, SMUDGE_MAX_REGIONS);

	for (size_t i = 0; i < n; i++)
		if (smudge_region_gpa(regions[i]) == place->first_address)
			return smudge_region_name(regions[i]);
	return NULL;
}

static int add_place(struct qemu_subject *subject, struct smudge_memory *memory,
		     const struct qemu_place *place, struct smudge_error *err)
{
	const char *region = region_name(memory, place);
	const struct qemu_backend backend = {
		.id = (char *)place->id,
		.size_bytes = place->end_address - place->first_address,
		.region = (char *)region,
		.kind = place->kind,
	};

	if (!region)
		return smudge_error_set(err, -ENOENT, NAME,
					"the memory of the backend %s is not "
					"where it was",
					place->id);
	if (qemu_machine_add_backend(&subject->machine, &backend))
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	return 0;
}

static int attached(void *opaque, struct smudge_memory *memory,
		    struct smudge_process *process, struct smudge_error *err)
{
	struct qemu_subject *subject = opaque;
	int ret = qemu_refuse_writers(process, err);

	subject->process = process;
	for (size_t i = 0; !ret && i < subject->places.n; i++)
		ret = add_place(subject, memory, &subject->places.places[i],
				err);
	return ret;
}

/* Memory that was plugged in or out since. */
static int refuse_changes(struct qemu_subject *subject,
			  struct smudge_error *err)
{
	struct qemu_places places = {0};
	int ret = qemu_backends_find(&subject->peer, &places, err);
	bool is_same = !ret && places.n == subject->places.n;

	for (size_t i = 0; is_same && i < places.n; i++)
		is_same = places.places[i].first_address ==
				  subject->places.places[i].first_address &&
			  places.places[i].end_address ==
				  subject->places.places[i].end_address;
	qemu_places_free(&places);
	if (ret || is_same)
		return ret;
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"the machine's memory was plugged in or out: "
				"begin again");
}

static int prepare(void *opaque, struct smudge_error *err)
{
	struct qemu_subject *subject = opaque;
	int ret = qemu_refuse_machine(&subject->peer, err);

	if (!ret)
		ret = refuse_changes(subject, err);
	return ret ? ret
		   : qemu_gpa_read_map(&subject->peer, &subject->machine, err);
}

/* Has it stood since its state was taken? */
static int is_unchanged(struct qemu_subject *subject, struct smudge_error *err)
{
	int ret;

	if (!subject->has_state || subject->was_running)
		return 0;
	ret = qemu_peer_status(&subject->peer, err);
	if (ret)
		return ret;
	return !subject->peer.has_resumed && !subject->peer.is_running;
}

static int stand(struct qemu_subject *subject, struct smudge_error *err)
{
	int ret = is_unchanged(subject, err);

	if (ret < 0)
		return ret;
	subject->is_kept = ret == 1;
	if (subject->is_kept)
		return 0;
	ret = qemu_stand_begin(&subject->stand, subject->timeout_ms, err);
	subject->has_state = !ret;
	subject->was_running = subject->stand.was_running;
	return ret;
}

/* For its disks it is stopped first, and migrates as one that is paused. */
static int pause_machine(void *opaque, struct smudge_error *err)
{
	struct qemu_subject *subject = opaque;
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	bool was_running;
	int ret;

	if (!subject->disks)
		return stand(subject, err);
	ret = qemu_disks_stop(subject->disks, &was_running, err);
	if (ret)
		return ret;
	ret = stand(subject, err);
	subject->was_running |= was_running;
	if (ret)
		(void)qemu_disks_run(subject->disks, false, &ignored);
	return ret;
}

/* A client of its monitor may have let it run meanwhile. */
static int end_kept(struct qemu_subject *subject, struct smudge_error *err)
{
	int ret = is_unchanged(subject, err);

	if (ret < 0 || ret == 1)
		return ret < 0 ? ret : 0;
	return smudge_error_set(err, -EAGAIN, NAME,
				"the machine was let run while its memory was "
				"copied");
}

static int end_stand(struct qemu_subject *subject, struct smudge_error *err)
{
	int ret;

	if (subject->is_kept)
		return end_kept(subject, err);
	ret = qemu_stand_end(&subject->stand, err);
	subject->has_state = !ret;
	subject->own_ns = qemu_stand_own_ns(&subject->stand);
	if (!subject->disks)
		subject->stopped_ns += qemu_peer_stopped_ns(&subject->peer);
	return ret;
}

static int run_on(struct qemu_subject *subject, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret = end_stand(subject, err);
	int also;

	if (!subject->disks)
		return ret;
	also = qemu_disks_run(subject->disks, !ret, ret ? &own : err);
	subject->stopped_ns += qemu_disks_stopped_ns(subject->disks);
	return ret ? ret : also;
}

/*
 * The guest's driver begins to use a device of another process when it likes,
 * and devices are plugged in. One that wrote before the machine stood is seen
 * afterwards, when that costs the guest nothing.
 */
static int resume(void *opaque, struct smudge_error *err)
{
	struct qemu_subject *subject = opaque;
	int ret = run_on(subject, err);

	return ret ? ret : qemu_refuse_writers(subject->process, err);
}

static int add_machine(struct qemu_subject *subject,
		       struct smudge_checkpointer *cp, struct smudge_error *err)
{
	char *text = NULL;
	size_t length;
	int ret;

	subject->machine.was_running = subject->was_running;
	subject->machine.pause_ns =
		(uint64_t)(clock_now_ns() - subject->stand.seen_ns);
	ret = qemu_machine_encode(&subject->machine, &text, &length, err);
	if (!ret)
		ret = smudge_checkpoint_add_blob(cp, QEMU_MACHINE_BLOB, text,
						 length, err);
	free(text);
	return ret;
}

static int save_state(void *opaque, struct smudge_checkpointer *cp,
		      struct smudge_error *err)
{
	struct qemu_subject *subject = opaque;
	const void *state =
		qemu_stream_state(subject->stand.stream, &subject->state_bytes);
	int ret = smudge_checkpoint_add_blob(cp, QEMU_STATE_BLOB, state,
					     subject->state_bytes, err);

	if (!ret && subject->disks)
		ret = qemu_disks_describe(subject->disks, &subject->machine,
					  err);
	return ret ? ret : add_machine(subject, cp, err);
}

static void describe(void *opaque, json_t *layer)
{
	struct qemu_subject *subject = opaque;

	json_object_set_new(layer, "stopped-ns",
			    json_integer((json_int_t)subject->stopped_ns));
	json_object_set_new(layer, "own-pause-ns",
			    json_integer((json_int_t)subject->own_ns));
	json_object_set_new(layer, "device-state-bytes",
			    json_integer((json_int_t)subject->state_bytes));
	subject->stopped_ns = 0;
	if (subject->disks) {
		qemu_disks_keep(subject->disks);
		json_object_set_new(
			layer, "disk-snapshots",
			json_integer((json_int_t)subject->machine.ndisks));
	}
}

static void close_subject(void *opaque)
{
	struct qemu_subject *subject = opaque;

	if (subject->peer.client)
		qemu_stand_close(&subject->stand);
	qemu_disks_close(subject->disks);
	qemu_guard_end(&subject->guard);
	qemu_peer_close(&subject->peer);
	qemu_places_free(&subject->places);
	qemu_machine_free(&subject->machine);
	free(subject);
}

static const struct checkpoint_subject_ops ops = {
	.attached = attached,
	.prepare = prepare,
	.pause = pause_machine,
	.resume = resume,
	.save_state = save_state,
	.describe = describe,
	.close = close_subject,
};

static int open_disks(struct qemu_subject *subject,
		      const struct checkpoint_request *request,
		      struct smudge_error *err)
{
	const struct qemu_disks_options options = {
		.wish = {.overlays = request->disk_overlays,
			 .cwd = subject->machine.cwd},
		.guard = &subject->guard,
		.timeout_ms = subject->timeout_ms + DISKS_MS,
	};

	return qemu_disks_open(&subject->peer, &options, &subject->disks, err);
}

static int open_subject(struct qemu_subject *subject,
			const struct checkpoint_request *request,
			struct smudge_process_options *options,
			struct smudge_error *err)
{
	int ret = qemu_peer_open(&subject->peer, request->qemu, request->pid,
				 err);

	if (ret)
		return ret;
	qemu_stand_init(&subject->stand, &subject->peer, &subject->guard,
			&subject->places);
	ret = qemu_guard_start(&subject->guard,
			       qmp_client_fd(subject->peer.client), err);
	if (!ret)
		ret = qemu_refuse_machine(&subject->peer, err);
	if (!ret)
		ret = qemu_peer_describe(&subject->peer, &subject->machine,
					 err);
	if (!ret)
		ret = qemu_backends_find(&subject->peer, &subject->places, err);
	if (!ret)
		ret = qemu_places_select(&subject->places, subject->peer.pid,
					 options, err);
	if (!ret && (request->snapshots_disks || request->disk_overlays))
		ret = open_disks(subject, request, err);
	return ret;
}

int checkpoint_qemu_open(const struct checkpoint_request *request,
			 struct checkpoint_subject *ret_subject,
			 struct smudge_error *err)
{
	struct qemu_subject *subject = calloc(1, sizeof(*subject));
	struct smudge_process_options options = {.size = sizeof(options)};
	int ret;

	if (!subject)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	subject->guard.fd = -1;
	subject->timeout_ms = request->pause_deadline_ms
				      ? (int64_t)request->pause_deadline_ms
				      : DEFAULT_TIMEOUT_MS;
	ret = open_subject(subject, request, &options, err);
	if (ret) {
		close_subject(subject);
		return ret;
	}
	*ret_subject = (struct checkpoint_subject){
		.ops = &ops,
		.state = subject,
		.pid = subject->peer.pid,
		.process = options,
		.rearm_policy = SMUDGE_REARM_QUIESCED,
		.has_fixed_mappings = true,
	};
	return 0;
}
