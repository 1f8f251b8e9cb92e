/* SPDX-License-Identifier: MIT */
/*
 * The command line of smudge layers import.
 */
#ifndef TOOLS_LAYERS_IMPORT_WORDS_H
#define TOOLS_LAYERS_IMPORT_WORDS_H

#include "layers/import.h"

/*
 * import_parse - the command line
 * @request: its defaults are set; wanted is to be freed, also after a failure
 * Return: the exit status so far, as tool_options_take.
 */
int import_parse(int argc, char *argv[], const char *help,
		 struct import_request *request);

#endif
