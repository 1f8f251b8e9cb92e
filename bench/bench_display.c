/* SPDX-License-Identifier: MIT */
/*
 * bench-display: the cost of a refresh of the screen, compared with other ways.
 * All viewers see the same scene in turn, so that a noisy machine disturbs all
 * of them alike; the median of each counts. After every sample the frame must
 * equal the screen: a viewer that is fast because it misses a change ends the
 * benchmark.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench_clock.h"
#include "bench_display.h"
#include "bench_program.h"
#include "bench_progress.h"

#define MAX_SAMPLES 1000
#define SMALL_RAM   (UINT64_C(64) << 20)
#define LARGE_RAM   (UINT64_C(64) << 30)

static const char usage[] =
	"usage: bench-display [options]\n"
	"  --json        one JSON object a line: case, width, height "
	"(pixels),\n"
	"                viewer, ram_bytes, bytes_read, ns, rects, baseline,\n"
	"                baseline_bytes_read, baseline_ns, bytes_ratio, ratio\n"
	"                (the baseline's / smudge's; 0: smudge read nothing)\n"
	"  --full        61 samples\n"
	"  --quick       one sample, 640 x 480 pixels: does it run?\n"
	"  --samples N   samples a median is of: 1 to 1000, default 31\n"
	"  --case NAME   idle, idle-warm, blink, box, scroll, full,\n"
	"                pixel-a-page\n"
	"  --help        this text\n";

static const struct viewer *const viewers[] = {
	&viewer_smudge_uffd, &viewer_smudge_kvm, &viewer_smudge_marks,
	&viewer_whole_frame, &viewer_per_page,
};
#define NVIEWERS (sizeof(viewers) / sizeof(viewers[0]))
#define NSMUDGES 3 /* the first of them */

static const char *only_case;

struct entry {
	const struct viewer *viewer;
	struct bench_screen screen;
	void *state; /* NULL: it cannot work here */
	struct refreshed last;
	double samples[MAX_SAMPLES];
	double ns;
};

static struct entry entries[NVIEWERS];

void *bench_map(size_t bytes, bool is_reserved)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS |
				(is_reserved ? 0 : MAP_NORESERVE),
			-1, 0);

	if (at == MAP_FAILED) {
		perror("bench-display: mmap");
		exit(1);
	}
	return at;
}

static void check_frame(struct entry *e, const char *scene)
{
	if (memcmp(e->viewer->frame(e->state), e->screen.pixels,
		   bench_screen_bytes(&e->screen)) == 0)
		return;
	bench_progress_clear();
	fprintf(stderr, "bench-display: %s: %s missed a change\n", scene,
		e->viewer->name);
	exit(1);
}

static void start_entry(struct entry *e, const struct viewer *viewer,
			const struct scene *scene, uint32_t width,
			uint32_t height, uint64_t ram_bytes)
{
	memset(e, 0, sizeof(*e));
	e->viewer = viewer;
	e->screen.width = width;
	e->screen.height = height;
	e->screen.pixels = bench_map(
		(bench_screen_bytes(&e->screen) + 4095) & ~4095UL, true);
	e->state = viewer->create(&e->screen, ram_bytes);
	if (!e->state)
		return;
	if (scene->start)
		scene->start(&e->screen);
	/* the first refresh reads everything, and is not counted */
	viewer->refresh(e->state);
	check_frame(e, scene->name);
}

static void stop_entry(struct entry *e)
{
	if (e->state)
		e->viewer->destroy(e->state);
	munmap(e->screen.pixels,
	       (bench_screen_bytes(&e->screen) + 4095) & ~4095UL);
}

static void take_sample(struct entry *e, const struct scene *scene,
			unsigned int i)
{
	uint64_t begin, end;

	if (scene->draw)
		scene->draw(&e->screen, i + 1);
	if (scene->is_warm)
		e->viewer->refresh(e->state);
	begin = bench_now_ns();
	e->last = e->viewer->refresh(e->state);
	end = bench_now_ns();
	e->samples[i] = (double)(end - begin);
	check_frame(e, scene->name);
}

static void print_row(const struct scene *scene, uint64_t ram_bytes,
		      const struct entry *e, const struct entry *base)
{
	double bytes_ratio = e->last.bytes_read
				     ? (double)base->last.bytes_read /
					       (double)e->last.bytes_read
				     : 0;
	const char *format =
		bench_settings.is_json
			? "{\"case\": \"%s\", \"width\": %u, \"height\": %u, "
			  "\"viewer\": \"%s\", \"ram_bytes\": %llu, "
			  "\"bytes_read\": %llu, \"ns\": %.0f, \"rects\": "
			  "%llu, \"baseline\": \"%s\", "
			  "\"baseline_bytes_read\": %llu, \"baseline_ns\": "
			  "%.0f, \"bytes_ratio\": %.2f, \"ratio\": %.2f}\n"
			: "%-13s %4u x %-4u %-12s %12llu %9llu %9.0f %5llu  "
			  "%-11s %9llu %9.0f %10.1f %7.1f\n";

	bench_progress_clear();
	printf(format, scene->name, e->screen.width, e->screen.height,
	       e->viewer->name, (unsigned long long)ram_bytes,
	       (unsigned long long)e->last.bytes_read, e->ns,
	       (unsigned long long)e->last.nrects, base->viewer->name,
	       (unsigned long long)base->last.bytes_read, base->ns, bytes_ratio,
	       base->ns / e->ns);
	fflush(stdout);
}

static void take_samples(const struct scene *scene)
{
	unsigned int nsamples = bench_settings.nsamples;

	for (unsigned int i = 0; i < nsamples && !bench_interrupted; i++) {
		bench_progress_sample(i, nsamples);
		for (size_t v = 0; v < NVIEWERS; v++)
			if (entries[v].state)
				take_sample(&entries[v], scene, i);
	}
	for (size_t v = 0; v < NVIEWERS; v++)
		entries[v].ns = bench_median(entries[v].samples, nsamples);
}

static void run_scene(const struct scene *scene, uint32_t width,
		      uint32_t height, uint64_t ram_bytes)
{
	if (bench_interrupted)
		return;
	bench_progress_case("%s, %u x %u, %llu MiB of RAM", scene->name, width,
			    height, (unsigned long long)ram_bytes >> 20);
	for (size_t v = 0; v < NVIEWERS; v++)
		start_entry(&entries[v], viewers[v], scene, width, height,
			    ram_bytes);
	take_samples(scene);
	for (size_t v = 0; v < NSMUDGES && !bench_interrupted; v++)
		for (size_t b = NSMUDGES; b < NVIEWERS; b++)
			if (entries[v].state)
				print_row(scene, ram_bytes, &entries[v],
					  &entries[b]);
	for (size_t v = 0; v < NVIEWERS; v++)
		stop_entry(&entries[v]);
}

static void run_size(uint32_t width, uint32_t height)
{
	for (size_t s = 0; s < bench_nscenes; s++) {
		const struct scene *scene = &bench_scenes[s];

		if (only_case && strcmp(only_case, scene->name) != 0)
			continue;
		run_scene(scene, width, height, SMALL_RAM);
		if (!scene->draw)
			run_scene(scene, width, height, LARGE_RAM);
	}
}

static void run_all(void)
{
	if (bench_settings.scope == BENCH_QUICK) {
		run_size(640, 480);
		return;
	}
	run_size(1920, 1080);
	run_size(3840, 2160);
}

static int take_option(int option)
{
	only_case = optarg;
	return 0;
}

static const struct option options[] = {
	{"case", required_argument, NULL, 'c'},
	{NULL, 0, NULL, 0},
};

static const struct bench_program program = {
	.name = "bench-display",
	.usage = usage,
	.options = options,
	.take_option = take_option,
	.nsamples = 31,
	.nsamples_full = 61,
	.max_samples = MAX_SAMPLES,
};

int main(int argc, char **argv)
{
	bench_begin_only(&program, argc, argv);
	if (!bench_settings.is_json)
		printf("%-13s %-11s %-12s %12s %9s %9s %5s  %-11s %9s %9s %10s "
		       "%7s\n",
		       "case", "size", "viewer", "ram bytes", "read", "ns",
		       "rects", "baseline", "read", "ns", "read ratio",
		       "ratio");
	run_all();
	return bench_end();
}
