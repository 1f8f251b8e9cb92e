/* SPDX-License-Identifier: MIT */
/*
 * Run one case with all contenders, and print its rows. Samples are taken in
 * turns; the first of each contender is dropped, since it faults memory in. The
 * benchmark ends if run() does not return the same for all, so that no baseline
 * is fast because it is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/bitmap.h>

#include "bench.h"

#define MAX_CONTENDERS 8
#define MAX_SAMPLES    101

static const struct contender *const contenders[] = {
	&contender_smudge,	&contender_flat_atomic,	     &contender_bytemap,
	&contender_flat_ranges, &contender_reset_every_word,
#ifdef BENCH_ROARING
	&contender_roaring,
#endif
	&contender_vector_read,
};

struct entry {
	const struct contender *contender;
	void *map;
	double samples[MAX_SAMPLES];
	uint64_t answer;
};

bool bench_reads_runs;

bool bench_wants_case(const char *name)
{
	return !bench_options.only_case ||
	       strcmp(bench_options.only_case, name) == 0;
}

static bool wants_baseline(const char *name)
{
	return !bench_options.only_baseline ||
	       strcmp(bench_options.only_baseline, name) == 0;
}

void bench_header(void)
{
	if (!bench_settings.is_json)
		printf("%-16s %11s %8s %-11s %-7s %13s  %-16s %13s %8s\n",
		       "case", "pages", "dirty %", "pattern", "variant", "ns",
		       "baseline", "baseline ns", "ratio");
}

void bench_row(const struct bench_case *bench, const char *baseline, double ns,
	       double baseline_ns)
{
	const struct pattern *pattern = bench->pattern;
	const char *format =
		bench_settings.is_json
			? "{\"case\": \"%s\", \"pages\": %llu, \"dirty\": %g, "
			  "\"pattern\": \"%s\", \"variant\": \"%s\", "
			  "\"ns\": %.2f, \"baseline\": \"%s\", "
			  "\"baseline_ns\": %.2f, \"ratio\": %.3f}\n"
			: "%-16s %11llu %8g %-11s %-7s %13.2f  %-16s %13.2f "
			  "%8.2f\n";

	bench_progress_clear();
	printf(format, bench->name, (unsigned long long)bench->npages,
	       pattern->percent, pattern->name, smudge_bitmap_variant(), ns,
	       baseline, baseline_ns, baseline_ns / ns);
	fflush(stdout);
}

static double one_sample(const struct bench_case *bench, struct entry *entry)
{
	unsigned int nrepeats = bench->nrepeats ? bench->nrepeats : 1;
	uint64_t begin, end;

	if (bench->prepare)
		bench->prepare(entry->contender, entry->map, bench->opaque);
	begin = bench_now_ns();
	for (unsigned int i = 0; i < nrepeats; i++)
		entry->answer =
			bench->run(entry->contender, entry->map, bench->opaque);
	end = bench_now_ns();
	return (double)(end - begin) / nrepeats /
	       (bench->divisor ? bench->divisor : 1);
}

static unsigned int choose(const struct bench_case *bench,
			   struct entry *entries)
{
	unsigned int n = 0;

	for (size_t i = 0; i < sizeof(contenders) / sizeof(contenders[0]);
	     i++) {
		const struct contender *contender = contenders[i];

		if (!bench->applies(contender) ||
		    (i && !wants_baseline(contender->name)))
			continue;
		entries[n].contender = contender;
		entries[n].map = contender->create(bench->npages);
		if (bench->start)
			bench->start(contender, entries[n].map, bench->opaque);
		n++;
	}
	return n;
}

static void check_answers(const struct bench_case *bench,
			  const struct entry *entries, unsigned int n)
{
	for (unsigned int i = 1; i < n; i++) {
		if (entries[i].answer == entries[0].answer)
			continue;
		bench_progress_clear();
		fprintf(stderr, "bench-bitmap: %s: %s and smudge disagree\n",
			bench->name, entries[i].contender->name);
		exit(1);
	}
}

/* Take the @at-th sample of each contender, and compare the answers. */
static void sample_all(const struct bench_case *bench, struct entry *entries,
		       unsigned int n, unsigned int at)
{
	for (unsigned int k = 0; k < n && !bench_interrupted; k++)
		entries[k].samples[at] = one_sample(bench, &entries[k]);
	if (!bench_interrupted && bench_reads_runs)
		check_answers(bench, entries, n);
}

void bench_run(const struct bench_case *bench)
{
	struct entry *entries = calloc(MAX_CONTENDERS, sizeof(*entries));
	unsigned int nsamples = bench_settings.nsamples;
	unsigned int n;

	bench_progress_case("%s, %llu pages, %s %g %%, %s", bench->name,
			    (unsigned long long)bench->npages,
			    bench->pattern->name, bench->pattern->percent,
			    smudge_bitmap_variant());
	n = choose(bench, entries);
	for (unsigned int i = 0; i <= nsamples && !bench_interrupted; i++) {
		bench_progress_sample(i, nsamples);
		/* the first sample is dropped: it compares what was taken */
		bench_reads_runs = bench->reads_runs || i == 0;
		sample_all(bench, entries, n, i ? i - 1 : 0);
	}
	for (unsigned int k = 0; k < n; k++) {
		double ns = bench_median(entries[k].samples, nsamples);

		if (k && !bench_interrupted)
			bench_row(bench, entries[k].contender->name,
				  entries[0].samples[nsamples / 2], ns);
		entries[k].contender->destroy(entries[k].map);
	}
	free(entries);
}
