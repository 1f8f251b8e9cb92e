/* SPDX-License-Identifier: MIT */
/*
 * A main for fuzz targets without a fuzzer: runs the target over the files
 * given, or the files of the folders given, so that the kept corpus is
 * checked by every test run with any compiler. An emulator whose bytes are in
 * the host's order gets a quarter of a folder, another one in each run.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slow.h"

#if TEST_IS_EMULATED && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define STEP 4
#else
#define STEP 1
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int nreplayed;

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rbe");
	uint8_t *data = malloc(1 << 20);
	size_t size;

	if (!file || !data) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return 1;
	}
	size = fread(data, 1, 1 << 20, file);
	fclose(file);
	data = size ? realloc(data, size) : data;
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	nreplayed++;
	return 0;
}

static int replay_folder(const char *path)
{
	struct dirent **entries;
	int nentries = scandir(path, &entries, NULL, alphasort);
	int first = getpid() % STEP;
	int status = 0;

	if (nentries < 0)
		return replay_file(path);
	if (STEP > 1)
		printf("from file %d on, one in %d\n", first, STEP);
	for (int i = 0; i < nentries; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && i % STEP == first)
			status |= replay_file(name);
		free(entries[i]);
	}
	free(entries);
	return status;
}

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc; i++)
		status |= replay_folder(argv[i]);
	printf("%u inputs replayed\n", nreplayed);
	return status || !nreplayed;
}
