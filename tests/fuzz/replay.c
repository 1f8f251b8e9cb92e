/* SPDX-License-Identifier: MIT */
/*
 * A main for fuzz targets without a fuzzer: runs the target over the files
 * given, or the files of the folders given, so that the kept corpus is
 * checked by every test run with any compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	int status = 0;

	if (nentries < 0)
		return replay_file(path);
	for (int i = 0; i < nentries; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
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
