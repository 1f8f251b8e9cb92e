/* SPDX-License-Identifier: MIT */
/*
 * The demonstration, step by step.
 *
 * The digests are taken while the guest is stopped at both ends: for good at
 * the source, not yet started at the destination (-S).
 */
#include "demo.h"

#include "clock.h"
#include "common/streams.h"
#include "progress.h"
#include "progress_line.h"
#include "qmp_client.h"
#include "serial_log.h"

#include <smudge/error.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GUEST_TIMEOUT_MS 50000
#define FULL_PASSES	 2

static __attribute__((format(printf, 2, 3))) void say(const struct demo *demo,
						      const char *format, ...)
{
	va_list args;

	if (demo->options.json)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	streams_flush();
}

static int say_engine(struct demo *demo, struct demo_vm *vm,
		      struct smudge_error *err)
{
	json_t *stats = NULL;
	int ret = qmp_client_run(vm->qmp, "x-smudge-memory-stats", NULL, &stats,
				 err);

	if (ret)
		return ret;
	say(demo, "%-12s process %d, engine %s, dirty pages by %s\n", vm->name,
	    (int)vm->process.pid,
	    json_string_value(json_object_get(stats, "engine")),
	    json_string_value(json_object_get(stats, "dirty-source")));
	json_decref(stats);
	return 0;
}

/* What ends a wait for the guest's passes, or 0. */
static int check_guest(struct demo_vm *vm, const struct serial_log *log,
		       struct smudge_error *err)
{
	if (log->errors)
		return smudge_error_set(err, -EIO, "demo",
					"the guest at the %s found "
					"%" PRIu64 " wrong pages",
					vm->name, log->errors);
	if (interrupted())
		return smudge_error_set(err, -EINTR, "demo", "interrupted");
	return demo_check_alive(vm, err);
}

/*
 * Wait until the guest has reported @passes passes in this VM's log. On a busy
 * machine each may take long.
 */
static int wait_for_passes(struct demo_vm *vm, uint64_t passes,
			   struct serial_log *ret_log, struct smudge_error *err)
{
	int64_t end_ms = clock_now_ms() + GUEST_TIMEOUT_MS;
	uint64_t seen = 0;
	int ret;

	for (;;) {
		bool is_read = serial_log_read(vm->serial_path, ret_log) == 0;

		if (is_read && !ret_log->errors && ret_log->passes >= passes)
			return 0;
		ret = check_guest(
			vm, is_read ? ret_log : &(struct serial_log){0}, err);
		if (ret)
			return ret;
		if (is_read && ret_log->passes > seen) {
			seen = ret_log->passes;
			end_ms = clock_now_ms() + GUEST_TIMEOUT_MS;
		}
		if (clock_now_ms() > end_ms)
			return smudge_error_set(
				err, -ETIMEDOUT, "demo",
				"the guest at the %s made no pass in %d s, "
				"after %" PRIu64 " passes",
				vm->name, GUEST_TIMEOUT_MS / 1000, seen);
		clock_sleep_ms(50);
	}
}

static int start_both(struct demo *demo, struct smudge_error *err)
{
	int ret = demo_start_source(demo, err);

	if (!ret)
		ret = say_engine(demo, &demo->source, err);
	if (!ret)
		ret = demo_start_destination(demo, err);
	if (!ret)
		ret = say_engine(demo, &demo->destination, err);
	return ret;
}

static int let_it_write(struct demo *demo, struct smudge_error *err)
{
	struct serial_log log = {0};
	int ret = wait_for_passes(&demo->source, 1, &log, err);

	if (!ret)
		say(demo,
		    "guest        runs at the source: pass %" PRIu64
		    " done, 0 errors\n\n",
		    log.last_pass);
	return ret;
}

static int migrate(struct demo *demo, struct smudge_error *err)
{
	json_int_t bandwidth = (json_int_t)demo->options.max_bandwidth_bytes_ps;
	int ret;

	ret = qmp_client_run(demo->source.qmp, "migrate-set-parameters",
			     json_pack("{s:I}", "max-bandwidth", bandwidth),
			     NULL, err);
	if (!ret)
		ret = qmp_client_run(demo->source.qmp, "migrate",
				     json_pack("{s:s}", "uri", demo->uri), NULL,
				     err);
	if (!ret)
		ret = progress_watch(demo->source.qmp, demo->options.json,
				     &demo->migration, err);
	if (!ret)
		ret = qmp_client_run(demo->source.qmp, "x-smudge-memory-stats",
				     NULL, &demo->stats, err);
	return ret;
}

static int compare_screens(struct demo *demo, struct smudge_error *err)
{
	int ret = demo_screen_compare(demo, err);

	if (!ret)
		ret = demo_screen_wait_closed(demo, err);
	if (!ret)
		say(demo,
		    "\nscreen       the viewers of source and destination have "
		    "the same picture:\n"
		    "             %s/%s and %s,\n"
		    "             both in %s\n",
		    demo->options.screen, DEMO_SCREEN_SOURCE,
		    DEMO_SCREEN_DESTINATION, DEMO_SCREEN_BOTH);
	return ret;
}

static int check_tracking_is_off(struct demo *demo, struct smudge_error *err)
{
	double bitmap_bytes = demo_beside_code(demo, "bitmap-bytes");
	double clients = demo_beside_code(demo, "clients");
	double sources = progress_number(demo->stats, NULL, "sources-running");

	if (bitmap_bytes != 0 || clients != 0 || sources != 0)
		return smudge_error_set(err, -EBUSY, "demo",
					"tracking was left on at the source: "
					"%.0f bytes of bitmaps, %.0f clients, "
					"%.0f sources",
					bitmap_bytes, clients, sources);
	return 0;
}

static int get_digest(struct demo_vm *vm, char ret_digest[40],
		      struct smudge_error *err)
{
	json_t *reply = NULL;
	const char *text;
	int ret = qmp_client_run(vm->qmp, "x-smudge-memory-digest", NULL,
				 &reply, err);

	if (ret)
		return ret;
	text = json_string_value(json_object_get(reply, "digest"));
	snprintf(ret_digest, 40, "%s", text ? text : "");
	json_decref(reply);
	return 0;
}

/* The source is "completed" a moment before the destination is. */
static int wait_for_arrival(struct demo *demo, struct smudge_error *err)
{
	return progress_wait_arrival(demo->destination.qmp, err);
}

static int compare_digests(struct demo *demo, struct smudge_error *err)
{
	int ret = get_digest(&demo->source, demo->source_digest, err);

	if (!ret)
		ret = get_digest(&demo->destination, demo->destination_digest,
				 err);
	if (ret)
		return ret;
	say(demo, "\ndigest       source      %s\n", demo->source_digest);
	say(demo, "             destination %s\n", demo->destination_digest);
	if (!*demo->source_digest ||
	    strcmp(demo->source_digest, demo->destination_digest) != 0)
		return smudge_error_set(err, -EIO, "demo",
					"the memories differ");
	return 0;
}

static int run_on(struct demo *demo, struct smudge_error *err)
{
	struct serial_log before = {0};
	struct serial_log log = {0};
	int ret =
		qmp_client_run(demo->destination.qmp, "cont", NULL, NULL, err);

	/* the first pass that is reported here began at the source */
	if (!ret)
		ret = wait_for_passes(&demo->destination, 1 + FULL_PASSES, &log,
				      err);
	/* the guest may have reported an error at the source */
	if (!ret)
		ret = wait_for_passes(&demo->source, 1, &before, err);
	if (ret)
		return ret;
	demo->passes_after = log.passes - 1;
	say(demo,
	    "guest        runs at the destination: pass %" PRIu64
	    " done, %" PRIu64 " full passes there, 0 errors\n",
	    log.last_pass, demo->passes_after);
	return 0;
}

static void introduce(const struct demo *demo)
{
	if (demo->options.screen)
		say(demo,
		    "A guest of %s paints on a screen, and moves "
		    "meanwhile, a VNC viewer looking on.\n\n",
		    demo->options.memory);
	else
		say(demo,
		    "A guest of %s writes %s of its memory over and over, and "
		    "moves meanwhile.\n\n",
		    demo->options.memory, demo->options.working_set);
}

int demo_run(struct demo *demo, struct smudge_error *err)
{
	int ret;

	introduce(demo);
	ret = start_both(demo, err);
	if (!ret)
		ret = let_it_write(demo, err);
	if (!ret && demo->options.screen)
		ret = demo_screen_look(&demo->source, err);
	if (!ret)
		ret = migrate(demo, err);
	if (!ret)
		ret = wait_for_arrival(demo, err);
	if (!ret && demo->options.screen)
		ret = compare_screens(demo, err);
	if (!ret && !demo->options.json)
		demo_print_table(demo);
	if (!ret)
		ret = check_tracking_is_off(demo, err);
	if (!ret)
		ret = compare_digests(demo, err);
	if (!ret)
		ret = run_on(demo, err);
	if (!ret)
		say(demo, "\nThe guest moved while it ran, and no write was "
			  "lost.\n");
	return ret ? demo_explain(demo, err) : 0;
}
