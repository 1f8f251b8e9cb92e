/* SPDX-License-Identifier: MIT */
/*
 * What all benchmarks have in common: options, and the end by Ctrl-C. Only
 * results go to stdout.
 */
#ifndef BENCH_BENCH_PROGRAM_H
#define BENCH_BENCH_PROGRAM_H

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* How much is measured. */
enum bench_scope {
	BENCH_QUICK, /* the smallest of everything: does it run? */
	BENCH_USUAL, /* a minute or so */
	BENCH_FULL,  /* everything */
};

struct bench_program {
	const char *name;
	const char *usage;
	/* options of its own, or NULL; the last one's name is NULL */
	const struct option *options;
	/* Take one of them, its val and optarg; 0, or -1 if it is wrong. */
	int (*take_option)(int option);
	unsigned int nsamples;	    /* unless --samples or --quick is given */
	unsigned int nsamples_full; /* with --full; 0: as many */
	unsigned int max_samples;
};

struct bench_settings {
	enum bench_scope scope;
	bool is_json;
	unsigned int nsamples;
};

extern struct bench_settings bench_settings;

/* SIGINT or SIGTERM came: end after this sample. A second one ends at once. */
extern volatile sig_atomic_t bench_interrupted;

/*
 * bench_begin - read the options and prepare for signals
 * @program: borrowed for ever
 *
 * Exits after --help and for wrong usage. Return: the index of the first
 * argument that is no option.
 */
int bench_begin(const struct bench_program *program, int argc, char **argv);

/* The same for a benchmark that takes no arguments but options. */
void bench_begin_only(const struct bench_program *program, int argc,
		      char **argv);

/* The status to exit with. */
int bench_end(void);

/* A number that an option may have; -1 with a sentence if it is another. */
int bench_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret);

/* A negative errno ends the benchmark with a sentence. */
void bench_must(int ret, const char *what);

#endif
