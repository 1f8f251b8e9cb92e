/* SPDX-License-Identifier: MIT */
/*
 * The subcommands of smudge layers, and what they share. Each gets its words
 * behind its name and returns the exit status (commands.h).
 */
#ifndef TOOLS_LAYERS_LAYERS_H
#define TOOLS_LAYERS_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <smudge/layers.h>

#include "common/layer_name.h"

/* argv[0] is "layers list" and so on, for sentences. */
int layers_list(int argc, char *argv[]);
int layers_show(int argc, char *argv[]);
int layers_verify(int argc, char *argv[]);
int layers_diff(int argc, char *argv[]);
int layers_export(int argc, char *argv[]);
int layers_import(int argc, char *argv[]);
int layers_prune(int argc, char *argv[]);

#define LAYERS_MAX_WORDS 3

struct layers_request {
	bool is_json;
	bool is_all;	    /* --all */
	bool is_core;	    /* --core */
	bool is_forced;	    /* --force */
	const char *output; /* --output; or NULL, as the next ones */
	const char *layout; /* --layout */
	const char *since;  /* --since */
	const char *diff;   /* --diff */
	const char *words[LAYERS_MAX_WORDS];
	struct layer_name layer; /* the first word, where it names one */
};

/* What a subcommand takes. */
struct layers_syntax {
	const char *help;	  /* the text of --help */
	const char *const *words; /* their names, ended by NULL */
	bool has_all;		  /* --all */
	bool has_output;	  /* the options of export */
	bool names_layer;	  /* the first word is FOLDER or FOLDER@N */
};

/*
 * layers_parse - the command line of a subcommand
 * Return: the exit status so far, as tool_options_take.
 */
int layers_parse(int argc, char *argv[], const struct layers_syntax *syntax,
		 struct layers_request *ret_request);

/* It is no URI of a disk. Return: the exit status so far. */
int layers_check_folder(const char *command, const char *word);

/*
 * layers_open - the chain of a layer
 * @number: 0: the newest
 * Return: 0, or -errno with one sentence.
 */
int layers_open(const char *folder, uint64_t number,
		struct smudge_chain **ret_chain, struct smudge_error *err);

/* -ECANCELED is a signal's here: it gets its own sentence. Return: @ret. */
int layers_interrupted(int ret, struct smudge_error *err);

#define LAYERS_DIGEST_BYTES 33
void layers_digest(const struct smudge_digest *digest,
		   char text[LAYERS_DIGEST_BYTES]);

#define LAYERS_TIME_BYTES 24
/* "2026-11-27 03:44:23", local time. */
void layers_time(uint64_t time_ns, char text[LAYERS_TIME_BYTES]);

/* Add numbers to an object; those above INT64_MAX become that. */
void layers_add(json_t *object, const char *name, uint64_t value);
/* The whole of a layer's information. */
json_t *layers_info_json(const struct smudge_layer_info *info);
/* A text as JSON, "?" for what is not UTF-8. */
json_t *layers_text_json(const char *text);

/* The heading of a table of layers, and a layer as one row of it. */
void layers_print_heading(void);
void layers_print_row(const struct smudge_layer_info *info);

#endif
