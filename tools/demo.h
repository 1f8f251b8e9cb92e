/* SPDX-License-Identifier: MIT */
/*
 * The demonstration: a guest that keeps writing its memory moves from one
 * process to another, and checks prove that no write was lost.
 *
 * All files it creates are in one folder under TMPDIR, which it removes at its
 * end, also after Ctrl-C.
 */
#ifndef TOOLS_DEMO_H
#define TOOLS_DEMO_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "process.h"

struct smudge_error;
struct qmp_client;
struct vnc_viewer;

struct demo_options {
	const char *vm;	   /* NULL: the one beside this program */
	const char *guest; /* NULL: likewise, scribble or paint */
	const char *engine;
	const char *dest_engine;
	const char *memory;
	const char *working_set;
	uint64_t rate_pps; /* 0: as fast as it can */
	uint64_t max_bandwidth_bytes_ps;
	const char *screen; /* folder for pictures; NULL: no screen */
	bool json;
};

/* The pictures of --screen, in its folder. */
#define DEMO_SCREEN_SOURCE	"demo-screen-source.png"
#define DEMO_SCREEN_DESTINATION "demo-screen-destination.png"
#define DEMO_SCREEN_BOTH	"demo-screen.png"

struct demo_vm {
	const char *name; /* "source", "destination" */
	struct process process;
	struct qmp_client *qmp;
	char qmp_path[PATH_MAX];
	char serial_path[PATH_MAX];
	char log_path[PATH_MAX];
	bool was_started;
	int vnc_port;		   /* of a demonstration with a screen */
	struct vnc_viewer *viewer; /* NULL: none is connected */
};

struct demo {
	struct demo_options options;
	char vm_path[PATH_MAX];
	char guest_path[PATH_MAX];
	char folder[PATH_MAX]; /* "" before it is created */
	char uri[PATH_MAX];
	struct demo_vm source;
	struct demo_vm destination;

	json_t *migration; /* the last query-migrate */
	json_t *stats;	   /* the source's, after the migration */
	char source_digest[40];
	char destination_digest[40];
	uint64_t passes_after; /* complete passes at the destination */
};

/* demo_vms.c: folder and processes. 0, or -errno with one sentence. */
int demo_find_programs(struct demo *demo, struct smudge_error *err);
int demo_make_folder(struct demo *demo, struct smudge_error *err);
int demo_start_source(struct demo *demo, struct smudge_error *err);
int demo_start_destination(struct demo *demo, struct smudge_error *err);
/* If the process has ended: -ECHILD, with the last line it wrote. */
int demo_check_alive(struct demo_vm *vm, struct smudge_error *err);
/* A control connection is lost when a VM ends: find out which VM ended. */
int demo_explain(struct demo *demo, struct smudge_error *err);
void demo_clean_up(struct demo *demo);

/* demo_screen.c. 0, or -errno with one sentence. */
int demo_screen_choose(struct demo_vm *vm, struct smudge_error *err);
void demo_screen_option(const struct demo_vm *vm, char *buf, size_t size);
int demo_screen_look(struct demo_vm *vm, struct smudge_error *err);
void demo_screen_look_away(struct demo_vm *vm);
int demo_screen_compare(struct demo *demo, struct smudge_error *err);
int demo_screen_wait_closed(struct demo *demo, struct smudge_error *err);

/* demo_steps.c: all steps, in order. 0, or -errno with one sentence. */
int demo_run(struct demo *demo, struct smudge_error *err);

/*
 * demo_report.c: a figure of the source's statistics without the share of the
 * code client, since an engine that translates watches its code all the time.
 */
double demo_beside_code(const struct demo *demo, const char *name);
void demo_print_table(const struct demo *demo);
int demo_print_json(const struct demo *demo, struct smudge_error *err);

#endif
