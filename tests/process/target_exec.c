/* SPDX-License-Identifier: MIT */
/*
 * A program that executes itself as often as its argument says, each time from
 * another thread than the main one, while a third one waits; after as many us
 * as a second argument says. With "wait" it only waits.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *program;
static unsigned long left;
static char *pause_us; /* or NULL */

static void *execute(void *opaque)
{
	char number[24];
	char *const arguments[] = {program, number, pause_us, NULL};

	(void)opaque;
	if (pause_us)
		usleep((useconds_t)strtoul(pause_us, NULL, 10));
	snprintf(number, sizeof(number), "%lu", left - 1);
	execv("/proc/self/exe", arguments);
	_exit(3);
}

static void *wait_for_ever(void *opaque)
{
	for (;;)
		pause();
	return opaque;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc != 2 && argc != 3)
		return 2;
	pause_us = argv[2];
	if (!strcmp(argv[1], "wait"))
		wait_for_ever(NULL);
	program = argv[0];
	left = strtoul(argv[1], NULL, 10);
	if (!left)
		return 7;
	if (pthread_create(&thread, NULL, wait_for_ever, NULL) ||
	    pthread_create(&thread, NULL, execute, NULL))
		return 4;
	wait_for_ever(NULL);
	return 5;
}
