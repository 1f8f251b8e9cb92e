/* SPDX-License-Identifier: MIT */
/*
 * Reports on standard output.
 */
#include "rate/output.h"

#include <smudge/error.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "parts.h"
#include "print_json.h"
#include "rate/json.h"
#include "rate/line.h"
#include "rate/screen.h"

#define OTHER_SCREEN "\x1b[?1049h"
#define FIRST_SCREEN "\x1b[?1049l"
#define HOME	     "\x1b[H"
#define CLEAR_LINE   "\x1b[K"
#define CLEAR_BELOW  "\x1b[J"

#define DEFAULT_ROWS	24
#define MIN_ROWS	2
#define SUMMARY_ROWS	24
#define SUMMARY_COLUMNS 99

static volatile sig_atomic_t has_new_size;

static void note_size(int number)
{
	has_new_size = 1;
}

void rate_output_start(struct rate_output *output, bool is_json)
{
	const char *term = getenv("TERM");
	const char *no_colours = getenv("NO_COLOR");
	struct sigaction action;

	*output = (struct rate_output){.mode = RATE_OUTPUT_LINES};
	if (is_json)
		output->mode = RATE_OUTPUT_JSON;
	else if (isatty(STDOUT_FILENO) && term && *term &&
		 strcmp(term, "dumb") != 0)
		output->mode = RATE_OUTPUT_SCREEN;
	if (output->mode != RATE_OUTPUT_SCREEN)
		return;
	output->has_colours = !no_colours || !*no_colours;
	memset(&action, 0, sizeof(action));
	action.sa_handler = note_size;
	action.sa_flags = SA_RESTART; /* of writes; sleeps end all the same */
	sigaction(SIGWINCH, &action, NULL);
}

static int out_of_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, "rate", "out of memory");
}

static int flush(struct smudge_error *err)
{
	int ret = fflush(stdout) ? -errno : ferror(stdout) ? -EIO : 0;

	if (ret)
		return smudge_error_set(err, ret, "rate",
					"cannot write to standard output: %s",
					strerror(-ret));
	return 0;
}

static unsigned int rows_of_terminal(void)
{
	struct winsize size = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row)
		return DEFAULT_ROWS;
	return size.ws_row < MIN_ROWS ? MIN_ROWS : size.ws_row;
}

/* In the last column, and after the last row, some terminals move the text. */
static int draw(struct rate_output *output, const struct rate_report *report,
		struct smudge_error *err)
{
	const struct rate_screen screen = {
		.columns = (unsigned int)parts_columns(STDOUT_FILENO) - 1,
		.rows = rows_of_terminal() - 1,
		.has_colours = output->has_colours,
	};
	char *text = NULL;
	char *rest;
	const char *line;

	if (rate_screen(report, &screen, &text))
		return out_of_memory(err);
	if (!output->is_open)
		fputs(OTHER_SCREEN, stdout);
	output->is_open = true;
	fputs(HOME, stdout);
	rest = text;
	while ((line = strsep(&rest, "\n")) && rest)
		printf("%s" CLEAR_LINE "\r\n", line);
	fputs(CLEAR_BELOW, stdout);
	free(text);
	return flush(err);
}

/* When it is another one than before. */
static int put_warning(struct rate_output *output,
		       const struct rate_report *report)
{
	char *text = NULL;
	int ret = rate_warning(report, &text);

	if (ret)
		return ret;
	if (output->warning ? strcmp(text, output->warning) != 0 : *text)
		fputs(text, stdout);
	free(output->warning);
	output->warning = text;
	return 0;
}

/* Processes that came since the last line are named first. */
static int put_line(struct rate_output *output,
		    const struct rate_report *report, struct smudge_error *err)
{
	char *text = NULL;

	if (output->nannounced != report->nprocesses) {
		if (rate_heading(report, &text))
			return out_of_memory(err);
		fputs(text, stdout);
		free(text);
	}
	output->nannounced = report->nprocesses;
	if (put_warning(output, report) || rate_line(report, &text))
		return out_of_memory(err);
	puts(text);
	free(text);
	return flush(err);
}

static int put_json(const struct rate_report *report,
		    const struct rate_forecast *forecast,
		    struct smudge_error *err)
{
	json_t *json = rate_json(report);
	int ret;

	if (json && forecast &&
	    json_object_set_new(json, "forecast",
				rate_forecast_json(forecast))) {
		json_decref(json);
		json = NULL;
	}
	ret = json ? print_json(json, JSON_COMPACT | JSON_REAL_PRECISION(9),
				err)
		   : out_of_memory(err);

	json_decref(json);
	return ret;
}

int rate_output_interval(struct rate_output *output,
			 const struct rate_report *report,
			 struct smudge_error *err)
{
	if (output->mode == RATE_OUTPUT_JSON)
		return put_json(report, NULL, err);
	if (output->mode == RATE_OUTPUT_LINES)
		return put_line(output, report, err);
	return draw(output, report, err);
}

int rate_output_resize(struct rate_output *output,
		       const struct rate_report *report,
		       struct smudge_error *err)
{
	if (!has_new_size || !output->is_open)
		return 0;
	has_new_size = 0;
	return draw(output, report, err);
}

void rate_output_end(struct rate_output *output)
{
	if (output->is_open)
		fputs(FIRST_SCREEN, stdout);
	output->is_open = false;
	free(output->warning);
	output->warning = NULL;
	fflush(stdout);
}

static int put_forecast(const struct rate_forecast *forecast,
			struct smudge_error *err)
{
	char *text = NULL;

	if (rate_forecast_text(forecast, &text))
		return out_of_memory(err);
	fputs(text, stdout);
	free(text);
	return flush(err);
}

int rate_output_summary(struct rate_output *output,
			const struct rate_report *report,
			const struct rate_forecast *forecast,
			struct smudge_error *err)
{
	bool is_screen = output->mode == RATE_OUTPUT_SCREEN;
	const struct rate_screen screen = {
		.columns =
			is_screen
				? (unsigned int)parts_columns(STDOUT_FILENO) - 1
				: SUMMARY_COLUMNS,
		.rows = SUMMARY_ROWS + (unsigned int)report->nprocesses,
		.has_colours = output->has_colours,
	};
	char *text = NULL;

	if (output->mode == RATE_OUTPUT_JSON)
		return put_json(report, forecast, err);
	rate_output_end(output);
	if (rate_screen(report, &screen, &text))
		return out_of_memory(err);
	printf("%s%s", is_screen ? "" : "\n", text);
	free(text);
	return forecast ? put_forecast(forecast, err) : flush(err);
}
