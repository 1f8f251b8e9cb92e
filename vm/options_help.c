/* SPDX-License-Identifier: MIT */
/*
 * The text of smudge-vm's --help.
 */
#include "options.h"

static const char help_text[] =
	"usage: smudge-vm --kernel FILE [options]\n"
	"       smudge-vm --incoming URI [options]\n"
	"       smudge-vm --restore FOLDER[@N] [options]\n"
	"\n"
	"  -m, --memory SIZE[K|M|G|T]  guest RAM (128M); at least 16M, "
	"a multiple of 4K\n"
	"  --smp N                     processors; 2 to 8 need KVM (1)\n"
	"  --kernel FILE               guest: ELF64, x86-64, ET_EXEC\n"
	"  --append TEXT               the guest's command line\n"
	"  --engine auto|kvm|unicorn   what runs guest code (auto: kvm "
	"where it works)\n"
	"  --dirty auto|kvm-manual|kvm-legacy|kvm-ring|uffd|hook\n"
	"                              how written pages are detected\n"
	"  --serial stdio|null|file:PATH\n"
	"                              where the serial port goes\n"
	"  --display WIDTHxHEIGHT      a framebuffer of 32 bits per "
	"pixel, up to 3840x2160\n"
	"  --vnc [HOST]:N[,password=SECRET|,password-file=FILE][,web[="
	"FILE]]\n"
	"                              show it to VNC viewers at port "
	"5900 + N of HOST\n"
	"                              (127.0.0.1); passwords have at "
	"most 8 characters;\n"
	"                              web: to browsers too, with "
	"noVNC\n"
	"  -S, --paused-start          wait for QMP's cont before "
	"running\n"
	"  --incoming URI              wait for a migration: "
	"tcp:HOST:PORT,\n"
	"                              unix:PATH; defer: until QMP's "
	"migrate-incoming\n"
	"  --restore FOLDER[@N]|URI    begin with a checkpoint: the "
	"folder's newest, or\n"
	"                              layer N\n"
	"  --checkpoint-to FOLDER|none\n"
	"                              where checkpoints go (after "
	"--restore: its folder);\n"
	"                              none: nothing is tracked until "
	"QMP asks for one\n"
	"  --checkpoint-every SECONDS  take a checkpoint so often, "
	"while the guest runs\n"
	"  --qmp unix:PATH             control socket\n"
	"  -v, --verbose               print what the library chose; "
	"twice: more\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 after a halt of the guest or quit, (value << 1) "
	"| 1 of the\n"
	"guest's debug-exit port, 1 on errors, 2 on a wrong command "
	"line, 128 + N after\n"
	"signal N.\n";

const char *options_help(void)
{
	return help_text;
}
