/* SPDX-License-Identifier: MIT */
/*
 * A stock QEMU of 2 GiB, checkpointed from outside once per second: how long it
 * stands, when its guest writes 57 MiB per second and when it is idle, beside
 * gcore and its own savevm; and what being tracked costs the guest between
 * checkpoints.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "bench_program.h"
#include "bench_progress.h"
#include "checkpoint.h"
#include "checkpoint_guest.h"
#include "checkpoint_outside.h"
#include "checkpoint_tool.h"

#define GUEST	 "guest"
#define IDLE	 "idle"
#define TRACKING "tracking"

#define IDLE_KIB    1024 /* beside the state of devices */
#define DELTA_PAGES ((UINT64_C(57) << 20) / CHECKPOINT_PAGE)
/* guest and layers; and a core, or a snapshot */
#define MEMORY	    (UINT64_C(4) << 30)
#define MORE_MEMORY (UINT64_C(7) << 30)

static bool is_quick(void)
{
	return bench_settings.scope == BENCH_QUICK;
}

static uint64_t guest_mib(void)
{
	return is_quick() ? 64 : 2048;
}

/* Of a layer. */
struct layers {
	struct checkpoint_times own;   /* smudge's part of the pause */
	struct checkpoint_times stood; /* the guest, by its beats */
	struct checkpoint_times kib;   /* its file */
	double state_kib;	       /* of devices, as QEMU wrote it */
	struct checkpoint_times pages;
};

static void take_layers(struct checkpoint_guest *guest, const char *name,
			const char *look_ahead, struct layers *layers)
{
	unsigned int n = bench_settings.nsamples;
	struct checkpoint_tool tool;

	checkpoint_tool_start(&tool, "--qemu", guest->socket,
			      checkpoint_path(name), look_ahead);
	if (checkpoint_tool_next(&tool)) { /* the full one */
		checkpoint_settle();
		(void)checkpoint_guest_stood_ms(guest);
	}
	for (unsigned int i = 0; i < n && checkpoint_tool_next(&tool); i++) {
		double own_ns = checkpoint_tool_number(&tool, "own-pause-ns");
		double state =
			checkpoint_tool_number(&tool, "device-state-bytes");
		double bytes = checkpoint_tool_number(&tool, "file-bytes");

		bench_progress_sample(i, n);
		checkpoint_settle();
		checkpoint_add(&layers->own, own_ns / 1e6);
		checkpoint_add(&layers->pages,
			       checkpoint_tool_number(&tool, "pages"));
		checkpoint_add(&layers->stood,
			       checkpoint_guest_stood_ms(guest));
		checkpoint_add(&layers->kib, bytes / 1024);
		layers->state_kib = state > 0 ? state / 1024 : 0;
	}
	checkpoint_tool_stop(&tool, name);
	checkpoint_remove_folder(checkpoint_path(name));
}

static void take_cores(struct checkpoint_guest *guest,
		       struct checkpoint_times *cores)
{
	unsigned int n = bench_settings.nsamples;

	for (unsigned int i = 0; i < n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		(void)checkpoint_guest_stood_ms(guest);
		if (!checkpoint_gcore(guest->pid)) {
			checkpoint_skip(GUEST, "gcore: there is none");
			return;
		}
		checkpoint_settle();
		checkpoint_add(cores, checkpoint_guest_stood_ms(guest));
	}
}

static void take_snapshots(const char *work, struct checkpoint_times *saves)
{
	char disk[128];
	const char *const command[] = {"qemu-img", "create", "-q",  "-f",
				       "qcow2",	   disk,     "64M", NULL};
	unsigned int n = bench_settings.nsamples;
	struct checkpoint_guest guest;

	snprintf(disk, sizeof(disk), "%s", checkpoint_path("disk.qcow2"));
	if (checkpoint_run(command) < 0) {
		checkpoint_skip(GUEST, "savevm: there is no qemu-img");
		return;
	}
	if (!checkpoint_guest_start(&guest, GUEST, work, guest_mib(), disk))
		return;
	for (unsigned int i = 0; i < n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		(void)checkpoint_guest_stood_ms(&guest);
		if (!checkpoint_guest_command(&guest, "savevm bench"))
			break;
		checkpoint_settle();
		checkpoint_add(saves, checkpoint_guest_stood_ms(&guest));
	}
	checkpoint_guest_stop(&guest);
}

static void print_guest(const struct layers *plain, const struct layers *ahead,
			const struct checkpoint_times *cores,
			const struct checkpoint_times *saves)
{
	const struct checkpoint_row rows[] = {
		{GUEST, "a delta", &plain->pages, NULL, NULL, 0, 0, "pages"},
		{GUEST, "a delta with --look-ahead", &ahead->pages, NULL, NULL,
		 0, 0, "pages"},
		{GUEST, "smudge's own pause", &plain->own, NULL, NULL, 10, 7,
		 NULL},
		{GUEST, "the same with --look-ahead", &ahead->own, NULL, NULL,
		 10, 7, NULL},
		{GUEST, "stood for gcore", cores, NULL, NULL, 0, 0, NULL},
		{GUEST, "stood for savevm", saves, NULL, NULL, 0, 0, NULL},
		{GUEST, "stood for a checkpoint", &plain->stood, "gcore", cores,
		 0.1, 0.1, NULL},
		{GUEST, "stood for a checkpoint", &plain->stood,
		 "savevm to qcow2", saves, 0.1, 0.1, NULL},
		{GUEST, "stood with --look-ahead", &ahead->stood,
		 "savevm to qcow2", saves, 0.1, 0.1, NULL},
		{GUEST, "a delta's file", &plain->kib, NULL, NULL, 0, 0, "KiB"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		checkpoint_print(&rows[i]);
}

void checkpoint_case_guest(void)
{
	static struct checkpoint_times cores, saves;
	static struct layers plain, ahead;
	struct checkpoint_guest guest;
	char work[64];

	if (!is_quick() && !checkpoint_has_memory(GUEST, MORE_MEMORY))
		return;
	snprintf(work, sizeof(work), "write %ju",
		 (uintmax_t)(is_quick() ? 1000 : DELTA_PAGES));
	bench_progress_case("a guest of QEMU that writes");
	if (!checkpoint_guest_start(&guest, GUEST, work, guest_mib(), NULL))
		return;
	take_layers(&guest, GUEST, NULL, &plain);
	if (plain.own.n)
		take_layers(&guest, GUEST, "--look-ahead", &ahead);
	bench_progress_case("gcore of QEMU");
	take_cores(&guest, &cores);
	checkpoint_guest_stop(&guest);
	bench_progress_case("QEMU's savevm");
	if (!bench_interrupted)
		take_snapshots(work, &saves);
	print_guest(&plain, &ahead, &cores, &saves);
	checkpoint_place_remove();
}

void checkpoint_case_idle(void)
{
	static struct layers layers;
	struct checkpoint_row rows[] = {
		{IDLE, "a delta", &layers.pages, NULL, NULL, 0, 0, "pages"},
		{IDLE, "smudge's own pause", &layers.own, NULL, NULL, 2, 1,
		 NULL},
		{IDLE, "its file, with the devices", &layers.kib, NULL, NULL, 0,
		 0, "KiB"},
	};
	struct checkpoint_guest guest;

	if (!is_quick() && !checkpoint_has_memory(IDLE, MEMORY))
		return;
	bench_progress_case("an idle guest of QEMU");
	if (!checkpoint_guest_start(&guest, IDLE, "idle", guest_mib(), NULL))
		return;
	take_layers(&guest, IDLE, NULL, &layers);
	checkpoint_guest_stop(&guest);
	rows[2].must = rows[2].aim = IDLE_KIB + layers.state_kib;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		checkpoint_print(&rows[i]);
	checkpoint_place_remove();
}

/* The time of a thousand beats, of 64 MiB that are copied. */
static double beat_ms(struct checkpoint_guest *guest, uint64_t since,
		      double since_ms)
{
	uint64_t n =
		atomic_load_explicit(&guest->nbeats, memory_order_relaxed) -
		since;

	return n ? (checkpoint_now_ms() - since_ms) * 1000 / (double)n : 0;
}

/* Seconds in which a layer is made each, and as many without. */
static bool take_turn(struct checkpoint_guest *guest, unsigned int seconds,
		      struct checkpoint_times *tracked,
		      struct checkpoint_times *alone)
{
	const struct timespec span = {.tv_sec = seconds};
	struct checkpoint_tool tool;
	bool is_whole;
	double begin_ms;
	uint64_t begin;
	double ms;

	checkpoint_tool_start(&tool, "--qemu", guest->socket,
			      checkpoint_path(TRACKING), NULL);
	/* the full one and the first delta, which has what was written since */
	is_whole = checkpoint_tool_next(&tool) && checkpoint_tool_next(&tool);
	begin_ms = checkpoint_now_ms();
	begin = atomic_load_explicit(&guest->nbeats, memory_order_relaxed);
	for (unsigned int i = 0; i < seconds && is_whole; i++)
		is_whole = checkpoint_tool_next(&tool);
	ms = beat_ms(guest, begin, begin_ms);
	checkpoint_tool_stop(&tool, TRACKING);
	checkpoint_remove_folder(checkpoint_path(TRACKING));
	if (!is_whole)
		return false;
	checkpoint_add(tracked, ms);
	begin_ms = checkpoint_now_ms();
	begin = atomic_load_explicit(&guest->nbeats, memory_order_relaxed);
	nanosleep(&span, NULL);
	checkpoint_add(alone, beat_ms(guest, begin, begin_ms));
	return true;
}

void checkpoint_case_tracking(void)
{
	static struct checkpoint_times tracked, alone;
	const struct checkpoint_row row = {
		TRACKING, "64 MiB copied, a checkpoint per s",
		&tracked, "not tracked",
		&alone,	  1.05,
		1.02,	  NULL};
	unsigned int n = bench_settings.nsamples;
	unsigned int seconds = is_quick() ? 1 : 5;
	struct checkpoint_guest guest;
	char work[64];

	if (!is_quick() && !checkpoint_has_memory(TRACKING, MEMORY))
		return;
	snprintf(work, sizeof(work), "copy %ju",
		 (uintmax_t)(is_quick() ? 1 << 20
					: DELTA_PAGES * CHECKPOINT_PAGE));
	bench_progress_case("a guest of QEMU that copies memory");
	if (!checkpoint_guest_start(&guest, TRACKING, work, guest_mib(), NULL))
		return;
	for (unsigned int i = 0; i < n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		if (!take_turn(&guest, seconds, &tracked, &alone))
			break;
	}
	checkpoint_guest_stop(&guest);
	checkpoint_print(&row);
	checkpoint_place_remove();
}
