/* SPDX-License-Identifier: MIT */
/*
 * smudge layers: look at checkpoints on disk. The subcommands are in layers/.
 */
#include "commands.h"

#include "layers/layers.h"

#include <stdio.h>
#include <string.h>

static const char help_text[] =
	"usage: smudge layers list FOLDER [OPTION]...\n"
	"       smudge layers show FOLDER[@N]|URI [OPTION]...\n"
	"       smudge layers verify FOLDER[@N]|URI [OPTION]...\n"
	"       smudge layers diff A B FOLDER [OPTION]...\n"
	"       smudge layers export --core FOLDER[@N]|URI --output FILE "
	"[OPTION]...\n"
	"       smudge layers import FILE... --to FOLDER [OPTION]...\n"
	"       smudge layers prune FOLDER --keep-last N [OPTION]...\n"
	"       smudge layers export --layout LAYOUT FOLDER[@N]|URI --output "
	"FILE ...\n"
	"\n"
	"Looks at the layers of a folder: checkpoints, each a qcow2 image on "
	"the one\n"
	"before it. FOLDER is its newest layer, FOLDER@N the one with that "
	"number. URI\n"
	"(nbd://...) is the live image of a disk behind an NBD server.\n"
	"\n"
	"  list    each layer of the folder, and whether it can be read\n"
	"  show    a layer's regions, blobs and statistics\n"
	"  verify  read all memory of a layer and compare it with its digests\n"
	"  diff    the pages that differ between layers A and B\n"
	"  export  files that others read: a core of a process or a guest, "
	"memory as\n"
	"          QEMU, Firecracker and cloud-hypervisor have it, and diffs\n"
	"  import  a layer of a guest's memory that another program put into a "
	"file\n"
	"  prune   remove the layers that are not to be kept\n"
	"\n"
	"  --all          of verify: every layer of the folder\n"
	"  --core         of export: make a core file\n"
	"  --layout LAYOUT\n"
	"                 of export, import: flat, qemu, firecracker or "
	"cloud-hypervisor\n"
	"  --since N      of export: only pages that differ from layer N\n"
	"  --diff FOLDER[@N]\n"
	"                 of export: the same, of another folder's layer; "
	"of import,\n"
	"                 without a folder: a delta on the newest layer\n"
	"  --output FILE  of export: it is made, not replaced\n"
	"  --force        of export: replace it\n"
	"  --to FOLDER    of import: the folder of the layer\n"
	"  --region NAME@GPA:SIZE\n"
	"                 of import: a region of the memory\n"
	"  --keep-last N  of prune: keep the last N layers\n"
	"  --keep-hourly N  of prune: and the last of each of N hours\n"
	"  --keep-daily N   of prune: of each of N days\n"
	"  --keep-weekly N  of prune: of each of N weeks\n"
	"  --garbage PERCENT\n"
	"                 of prune: merge when that frees so much\n"
	"  --dry-run      of prune: only say what would be done\n"
	"  --uncompressed  of prune: store pages as they are\n"
	"  --json         one object\n"
	"  --help         this text; after the name of one of them that of it\n"
	"\n"
	"Exit status: 0, 1 if a layer cannot be read or is not whole, 2 for a "
	"wrong\n"
	"command line.\n";

#define NAME "layers"

static const struct {
	const char *name;
	const char *full_name;
	int (*run)(int argc, char *argv[]);
} commands[] = {
	{"list", "layers list", layers_list},
	{"show", "layers show", layers_show},
	{"verify", "layers verify", layers_verify},
	{"diff", "layers diff", layers_diff},
	{"export", "layers export", layers_export},
	{"import", "layers import", layers_import},
	{"prune", "layers prune", layers_prune},
};

static int run(int argc, char *argv[])
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		argv[0] = (char *)commands[i].full_name;
		return commands[i].run(argc, argv);
	}
	return tool_usage(NAME, "there is no '%.40s'", argv[0]);
}

int command_layers(int argc, char *argv[])
{
	if (argc < 2)
		return tool_usage(NAME,
				  "list, show, verify, diff, export, import "
				  "or prune is missing");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		fputs(help_text, stdout);
		return TOOL_OK;
	}
	if (argv[1][0] == '-')
		return tool_usage(NAME,
				  "list, show, verify, diff, export, "
				  "import or prune comes first, not '%.40s'",
				  argv[1]);
	return run(argc - 1, argv + 1);
}
