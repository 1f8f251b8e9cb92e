/* SPDX-License-Identifier: MIT */
/*
 * Structs with a size that have one field less than the headers', or one more:
 * less runs as if the field were zero, or is refused if the first version had
 * it; more is accepted if it is zero, and refused if it is not. After a refusal
 * everything is as before. Of a struct that the library fills in, it writes
 * what it knows. Every such struct and call is tried, or says why not.
 */
#include "sized.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What follows a program's struct, and the struct before it is filled in. */
#define RUBBISH 0x5a

static union {
	size_t size;
	unsigned char bytes[4096];
} argument, rubbish;

int sized_call_with(const struct sized_call *c, unsigned char last)
{
	argument = rubbish;
	memcpy(argument.bytes, c->good, c->size_bytes);
	if (c->size_bytes > c->known_bytes)
		argument.bytes[c->size_bytes - 1] = last;
	return c->call(&argument);
}

static void refuses(const struct sized_call *c, const char *name, int code,
		    unsigned char last)
{
	world_remember();
	NEED(sized_call_with(c, last) == code, name);
	NEED(world_is_as_remembered(), name);
}

static void takes(const struct sized_call *c, const char *name)
{
	if (c->size_bytes > c->known_bytes) {
		NEED(sized_call_with(c, 0) == c->accepted, name);
		refuses(c, name, -E2BIG, 1);
	} else if (c->may_be_less) {
		NEED(sized_call_with(c, 0) == c->accepted, name);
	} else {
		refuses(c, name, -EINVAL, 0);
	}
}

static void fills(const struct sized_call *c, const char *name)
{
	const bool is_more = c->size_bytes > c->known_bytes;
	const int expected = is_more || c->may_be_less ? 0 : -EINVAL;
	const size_t written = expected ? sizeof(size_t) : c->known_bytes;

	argument = rubbish;
	argument.size = c->size_bytes;
	NEED(c->call(&argument) == expected, name);
	NEED(argument.size == c->size_bytes, name);
	NEED(memcmp(argument.bytes + written, rubbish.bytes + written,
		    sizeof(rubbish) - written) == 0,
	     name);
	if (!expected)
		NEED(memcmp(argument.bytes + sizeof(size_t),
			    rubbish.bytes + sizeof(size_t),
			    written - sizeof(size_t)) != 0,
		     name);
}

static void try_call(const struct sized_call *c, const char *name)
{
	if (c->why_not)
		printf("%s: not tried: %s\n", name, c->why_not);
	else if (!c->call)
		NEED(!"in the table of sized_calls.c", name);
	else if (c->good)
		takes(c, name);
	else
		fills(c, name);
}

#define SIZED_CALL_NAME(call, type) #call ", struct " #type,
#define SIZED_STRUCT_NAME(type)	    #type,

/* Only callbacks get it, with the library's size. */
static bool is_for_callbacks(const char *name)
{
	return strcmp(name, "smudge_log_message") == 0 ||
	       strcmp(name, "smudge_pruned_layer") == 0 ||
	       strcmp(name, "smudge_difference") == 0;
}

/* A struct that no call has as an argument would be tried by nothing. */
static void every_struct_has_a_call(const char *const *names)
{
	static const char *const structs[] = {SIZED_STRUCTS(SIZED_STRUCT_NAME)};

	for (size_t i = 0; i < sizeof(structs) / sizeof(*structs); i++) {
		bool is_there = is_for_callbacks(structs[i]);

		for (size_t j = 0; j < N_SIZED_CALLS; j++)
			is_there |= !!strstr(names[j], structs[i]);
		NEED(is_there, structs[i]);
	}
}

int main(void)
{
	static const char *const names[] = {SIZED_CALLS(SIZED_CALL_NAME)};

	memset(&rubbish, RUBBISH, sizeof(rubbish));
	every_struct_has_a_call(names);
	world_open();
	sized_leave_out();
	for (size_t i = 0; i < N_SIZED_CALLS; i++)
		try_call(&sized_calls[i], names[i]);
	world_close();
	return 0;
}
