/* SPDX-License-Identifier: MIT */
/*
 * The calls of libsmudge-checkpoint that take a struct with a size.
 */
#include "../sized/sized.h"

#include <errno.h>

#ifdef LESS
#define KNOWN_BYTES(type) sizeof(struct type)
#else
#define KNOWN_BYTES(type) offsetof(struct type, from_the_future)
#endif

static const struct smudge_checkpointer_options checkpointer_options = {
	.size = sizeof(checkpointer_options), .folder = world.other};
static const struct smudge_save_options save_options = {
	.size = sizeof(save_options), .is_full = true};
static const struct smudge_restore_options restore_options = {
	.size = sizeof(restore_options)};
static const struct smudge_lazy_options lazy_options = {
	.size = sizeof(lazy_options)};
static const struct smudge_chain_options chain_options = {
	.size = sizeof(chain_options), .folder = world.folder};

static int checkpointer_create(void *argument)
{
	struct smudge_checkpointer *made = NULL;
	int ret =
		smudge_checkpointer_create(world.memory, argument, &made, NULL);

	NEED(!ret == !!made, "checkpointer_create");
	smudge_checkpointer_destroy(made);
	return ret;
}

static int checkpointer_save(void *argument)
{
	uint64_t ticket;
	int ret = smudge_checkpointer_save(world.checkpointer, argument,
					   &ticket, NULL);

	return ret ? ret
		   : smudge_checkpointer_wait(world.checkpointer, ticket, NULL,
					      NULL);
}

static int checkpointer_wait(void *argument)
{
	return smudge_checkpointer_wait(world.checkpointer, world.ticket,
					argument, NULL);
}

static int checkpointer_stats(void *argument)
{
	return smudge_checkpointer_stats(world.checkpointer, argument);
}

static int restore(void *argument)
{
	return smudge_restore(world.memory, world.chain, argument, NULL);
}

static int restore_lazily(void *argument)
{
	struct smudge_lazy *made = NULL;
	int ret = smudge_restore_lazily(world.memory, world.chain, argument,
					&made, NULL);

	NEED(!ret == !!made, "restore_lazily");
	return ret ? ret : smudge_lazy_end(made, NULL);
}

static int lazy_stats(void *argument)
{
	struct smudge_lazy *made = NULL;
	int ret = smudge_restore_lazily(world.memory, world.chain,
					&lazy_options, &made, NULL);

	if (ret < 0)
		return ret;
	ret = smudge_lazy_stats(made, argument);
	NEED(smudge_lazy_end(made, NULL) == 0, "lazy_end");
	return ret;
}

static int chain_open(void *argument)
{
	struct smudge_chain *made = NULL;
	int ret = smudge_chain_open(argument, &made, NULL);

	NEED(!ret == !!made, "chain_open");
	smudge_chain_close(made);
	return ret;
}

static int chain_layer(void *argument)
{
	return smudge_chain_layer(world.chain, 0, argument, NULL);
}

static int chain_region(void *argument)
{
	return smudge_chain_region(world.chain, 0, argument);
}

static const struct smudge_prune_options prune_options = {
	.size = sizeof(prune_options), .folder = world.other, .keep_last = 1};
static const struct smudge_prune_options own_prune_options = {
	.size = sizeof(own_prune_options), .keep_last = 1};

static int layers_prune(void *argument)
{
	return smudge_layers_prune(argument, NULL, NULL);
}

static int layers_prune_result(void *argument)
{
	return smudge_layers_prune(&prune_options, argument, NULL);
}

static int checkpointer_prune(void *argument)
{
	return smudge_checkpointer_prune(world.checkpointer, argument, NULL,
					 NULL);
}

static int checkpointer_prune_result(void *argument)
{
	return smudge_checkpointer_prune(world.checkpointer, &own_prune_options,
					 argument, NULL);
}

#define SIZED_RESULT(name)                                                   \
	[CALL_smudge_##name##                                                \
		_smudge_prune_result] = {name##_result,                      \
					 NULL,                               \
					 sizeof(struct smudge_prune_result), \
					 KNOWN_BYTES(smudge_prune_result),   \
					 0,                                  \
					 false,                              \
					 NULL}
#define SIZED(name, type, good, may_be_less)                                  \
	[CALL_smudge_##name##_##type] = {                                     \
		name,	     good, sizeof(struct type), KNOWN_BYTES(type), 0, \
		may_be_less, NULL}
#define EXEMPT(name, type) \
	[CALL_smudge_##name##_##type] = {.why_not = "only callbacks get it"}

struct sized_call sized_calls[N_SIZED_CALLS] = {
	SIZED(checkpointer_create, smudge_checkpointer_options,
	      &checkpointer_options, false),
	SIZED(checkpointer_save, smudge_save_options, &save_options, false),
	SIZED(checkpointer_wait, smudge_layer_info, NULL, true),
	SIZED(checkpointer_stats, smudge_checkpointer_stats, NULL, true),
	SIZED(restore, smudge_restore_options, &restore_options, false),
	SIZED(restore_lazily, smudge_lazy_options, &lazy_options, false),
	SIZED(lazy_stats, smudge_lazy_stats, NULL, false),
	SIZED(chain_open, smudge_chain_options, &chain_options, false),
	SIZED(chain_layer, smudge_layer_info, NULL, true),
	SIZED(chain_region, smudge_layer_region, NULL, false),
	SIZED(layers_prune, smudge_prune_options, &prune_options, false),
	SIZED(checkpointer_prune, smudge_prune_options, &own_prune_options,
	      false),
	SIZED_RESULT(layers_prune),
	SIZED_RESULT(checkpointer_prune),
	EXEMPT(chain_diff, smudge_difference),
	EXEMPT(layers_each, smudge_layer_info),
};

void sized_leave_out(void)
{
	struct sized_call *create =
		&sized_calls[CALL_smudge_restore_lazily_smudge_lazy_options];
	struct sized_call *stats =
		&sized_calls[CALL_smudge_lazy_stats_smudge_lazy_stats];

	if (sized_call_with(create, 0) == 0)
		return;
	create->why_not = "there is no userfaultfd here";
	stats->why_not = create->why_not;
}
