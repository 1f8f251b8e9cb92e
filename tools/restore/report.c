/* SPDX-License-Identifier: MIT */
/*
 * What was restored, and how it continues.
 *
 * All that is printed can be pasted into a shell as it is: the QMP commands for
 * later are comments.
 */
#include "restore/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#include "layers/layers.h"
#include "print_json.h"
#include "qemu/options.h"
#include "qemu/shell.h"
#include "restore/incoming.h"
#include "text.h"

#define NAME "restore"

void restore_report_notes(const struct restore_plan *plan)
{
	const json_t *object;
	size_t i;

	json_array_foreach(plan->notes, i, object)
	{
		fprintf(stderr, "smudge: %s\n",
			json_string_value(json_object_get(object, "text")));
	}
}

/* "exec:cat FILE" is a shell's command again; freed by the caller. */
static char *state_uri(const struct restore_plan *plan)
{
	char *quoted = shell_quote(plan->state_path);
	char *uri = NULL;

	if (quoted && asprintf(&uri, "exec:cat %s", quoted) < 0)
		uri = NULL;
	free(quoted);
	return uri;
}

/* The commands in order, {"execute", "arguments"}; NULL: out of memory. */
static json_t *commands(const struct restore_plan *plan)
{
	char *uri = state_uri(plan);
	json_t *array = NULL;

	if (uri)
		array = json_pack("[{s:s, s:o}, {s:s, s:{s:o}}]", "execute",
				  "migrate-set-capabilities", "arguments",
				  incoming_capabilities(true), "execute",
				  "migrate-incoming", "arguments", "uri",
				  layers_text_json(uri));
	free(uri);
	if (array && plan->machine.was_running)
		json_array_append_new(array,
				      json_pack("{s:s}", "execute", "cont"));
	return array;
}

/* When the state is loaded. */
static json_t *commands_after(void)
{
	return json_pack("[{s:s, s:o}]", "execute", "migrate-set-capabilities",
			 "arguments", incoming_capabilities(false));
}

static void print_head(const struct restore_plan *plan)
{
	char time[LAYERS_TIME_BYTES], bytes[TEXT_BYTES];

	layers_time(plan->info.time_ns, time);
	text_bytes(bytes, (double)plan->info.memory_bytes);
	printf("# %s of %s: %s, %s\n", plan->info.file_name, time, bytes,
	       plan->machine.was_running ? "running" : "paused");
	puts("# QEMU writes to the memory file: restore again before another "
	     "start");
}

static bool is_here(const char *folder)
{
	char *here = getcwd(NULL, 0);
	bool is_same = here && strcmp(here, folder) == 0;

	free(here);
	return is_same;
}

/* What must be done before. */
static void print_disks(const struct restore_plan *plan)
{
	const json_t *words, *word;
	size_t i, j;

	json_array_foreach(plan->disks, i, words)
	{
		json_array_foreach(words, j, word)
		{
			if (j)
				putchar(' ');
			shell_put(stdout, json_string_value(word));
		}
		fputs(" &&\n", stdout);
	}
}

/* An option on each line. */
static void print_words(const struct restore_plan *plan)
{
	char *const *words = plan->words.words;
	struct qemu_option option;
	size_t index = 1;

	if (plan->cwd && !is_here(plan->cwd)) {
		fputs("cd ", stdout);
		shell_put(stdout, plan->cwd);
		fputs(" &&\n", stdout);
	}
	print_disks(plan);
	shell_put(stdout, words[0]);
	while (qemu_option_next(words, &index, &option)) {
		fputs(" \\\n ", stdout);
		for (size_t i = 0; i < option.nwords; i++) {
			putchar(' ');
			shell_put(stdout, option.words[i]);
		}
	}
	putchar('\n');
}

static void print_command(const struct restore_plan *plan,
			  const json_t *command)
{
	const json_t *arguments = json_object_get(command, "arguments");
	char *text = arguments ? json_dumps(arguments, 0) : NULL;

	fputs("#   smudge qmp --qmp ", stdout);
	shell_put(stdout, plan->monitor);
	printf(" %s", json_string_value(json_object_get(command, "execute")));
	if (text) {
		putchar(' ');
		shell_put(stdout, text);
	}
	putchar('\n');
	free(text);
}

static void print_commands(const struct restore_plan *plan,
			   const json_t *commands)
{
	const json_t *command;
	size_t i;

	json_array_foreach(commands, i, command)
	{
		print_command(plan, command);
	}
}

static int print_all(const struct restore_plan *plan, const json_t *qmp,
		     const json_t *after)
{
	print_head(plan);
	print_words(plan);
	puts("# then, in another shell:");
	print_commands(plan, qmp);
	puts("# and when query-status says inmigrate no more, as a snapshot or "
	     "migration of QEMU's\n# would leave out the memory otherwise:");
	print_commands(plan, after);
	return 0;
}

static json_t *memories_json(const struct restore_plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->machine.nbackends; i++) {
		json_t *object = json_object();

		json_object_set_new(
			object, "id",
			layers_text_json(plan->machine.backends[i].id));
		json_object_set_new(object, "file",
				    layers_text_json(plan->memories[i].path));
		layers_add(object, "size-bytes",
			   plan->machine.backends[i].size_bytes);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *words_json(const struct restore_plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->words.n; i++)
		json_array_append_new(array,
				      layers_text_json(plan->words.words[i]));
	return array;
}

static int report_json(const struct restore_plan *plan, json_t *qmp,
		       json_t *after, struct smudge_error *err)
{
	json_t *reply =
		json_pack("{s:o, s:o, s:o, s:O, s:o, s:b, s:O, s:O, "
			  "s:O}",
			  "layer", layers_info_json(&plan->info), "memory",
			  memories_json(plan), "state",
			  layers_text_json(plan->state_path), "disks",
			  plan->disks, "arguments", words_json(plan),
			  "was-running", (int)plan->machine.was_running, "qmp",
			  qmp, "qmp-after", after, "notes", plan->notes);
	int ret;

	if (plan->cwd)
		json_object_set_new(reply, "cwd", layers_text_json(plan->cwd));
	if (plan->monitor)
		json_object_set_new(reply, "monitor",
				    layers_text_json(plan->monitor));
	ret = print_json(reply, JSON_INDENT(2), err);
	json_decref(reply);
	return ret;
}

int restore_report(const struct restore_plan *plan, bool is_json,
		   struct smudge_error *err)
{
	json_t *qmp = commands(plan);
	json_t *after = commands_after();
	int ret;

	if (!qmp || !after)
		ret = smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	else
		ret = is_json ? report_json(plan, qmp, after, err)
			      : print_all(plan, qmp, after);
	json_decref(after);
	json_decref(qmp);
	return ret;
}
