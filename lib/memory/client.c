/* SPDX-License-Identifier: MIT */
/*
 * Clients: open, close, begin and cease to watch regions.
 *
 * Opening links a view into each region and then waits for a grace period: a
 * marker that did not see the client stored its content before that, so the
 * first take, of a map that is all dirty, reads it. If no barrier works there
 * is no grace period; what the client takes stays dirty then, until one works.
 */
#include "memory/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/populated.h"
#include "memory/space.h"
#include "memory/reclaim.h"
#include "memory/stats.h"
#include "memory/view.h"
#include "sys/guard.h"
#include "sys/log.h"
#include "sys/options.h"
#include "sys/probe.h"

int smi_client_watch(struct smudge_client *client, struct smudge_region *region,
		     struct smudge_error *err)
{
	struct smi_view *view;
	int ret = smi_view_create(client, region, &view);

	if (ret < 0)
		return smudge_error_set(err, ret, "client",
					"no memory for a bitmap of region %s",
					region->name);
	pthread_mutex_lock(&region->lock);
	ret = smi_view_link(view, err);
	pthread_mutex_unlock(&region->lock);
	if (ret < 0) {
		smi_view_destroy(view);
		return ret;
	}
	view->next_in_client = client->views;
	client->views = view;
	SMI_SYS_PROBE(client_watch, client->name, region->name,
		      smi_region_npages(region), view->bitmap);
	return 0;
}

static void unlink_view(struct smi_view *view)
{
	struct smi_view **link = &view->client->views;

	while (*link != view)
		link = &(*link)->next_in_client;
	*link = view->next_in_client;
	pthread_mutex_lock(&view->region->lock);
	smi_view_unlink(view);
	pthread_mutex_unlock(&view->region->lock);
	smi_view_retire(view);
}

void smi_client_unwatch_all(struct smudge_region *region)
{
	struct smi_view *view;

	while ((view = smi_region_views(region)))
		unlink_view(view);
}

static void drop_views(struct smudge_client *client)
{
	while (client->views)
		unlink_view(client->views);
	smi_reclaim_wait(client->memory);
}

static bool is_listed(struct smudge_region *const *regions, size_t n,
		      const struct smudge_region *region)
{
	for (size_t i = 0; i < n; i++) {
		if (regions[i] == region)
			return true;
	}
	return false;
}

/* Each region of the list is in this memory, and is listed once. */
static int check_regions(struct smudge_memory *memory,
			 const struct smudge_client_options *o,
			 struct smudge_error *err)
{
	const struct smi_region_table *table = smi_memory_table(memory);

	for (size_t i = 0; i < o->nregions; i++) {
		if (!is_listed(table->regions, table->n, o->regions[i]))
			return smudge_error_set(
				err, -EINVAL, "client",
				"client %s names a region that is not in this "
				"memory, at place %zu of its list",
				o->name, i);
		if (is_listed(o->regions, i, o->regions[i]))
			return smudge_error_set(
				err, -EINVAL, "client",
				"client %s names region %s twice", o->name,
				o->regions[i]->name);
	}
	return 0;
}

static int watch_regions(struct smudge_client *client,
			 const struct smudge_client_options *o,
			 struct smudge_error *err)
{
	const struct smi_region_table *table = smi_memory_table(client->memory);
	struct smudge_region *const *regions =
		o->nregions ? o->regions : table->regions;
	size_t n = o->nregions ? o->nregions : table->n;

	for (size_t i = 0; i < n; i++) {
		int ret = smi_client_watch(client, regions[i], err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static bool is_name_used(const struct smudge_memory *memory, const char *name)
{
	for (const struct smudge_client *c = memory->clients; c; c = c->next) {
		if (!strcmp(c->name, name))
			return true;
	}
	return false;
}

/* memory->lock held. Sentences tell clients that share a name apart. */
static void set_name(struct smudge_client *client, const char *name)
{
	snprintf(client->name, sizeof(client->name), "%s", name);
	for (size_t i = 2; is_name_used(client->memory, client->name); i++)
		snprintf(client->name, sizeof(client->name), "%.20s#%zu", name,
			 i);
}

/* memory->lock held. */
static int open_locked(struct smudge_client *client,
		       const struct smudge_client_options *o,
		       struct smudge_error *err)
{
	struct smudge_memory *memory = client->memory;
	int ret = check_regions(memory, o, err);

	if (ret < 0)
		return ret;
	set_name(client, o->name);
	ret = watch_regions(client, o, err);
	if (ret < 0) {
		drop_views(client);
		return ret;
	}
	if (!smi_reclaim_wait(memory)) {
		for (struct smi_view *v = client->views; v;
		     v = v->next_in_client)
			smi_view_owe_barrier(v);
	}
	client->next = memory->clients;
	memory->clients = client;
	memory->nclients++;
	SMI_SYS_LOG(SMUDGE_LOG_DEBUG, "client", "client %s is open",
		    client->name);
	SMI_SYS_PROBE(client_open, client->name, client->marks_only,
		      client->is_quiesced);
	return 0;
}

static int check_options(const struct smudge_client_options *o,
			 struct smudge_error *err)
{
	if (!o->name)
		return smudge_error_set(err, -EINVAL, "client",
					"a client needs a name");
	if (strlen(o->name) >= sizeof(((struct smudge_client *)0)->name))
		return smudge_error_set(err, -EINVAL, "client",
					"the client's name is longer than 31 "
					"bytes");
	return 0;
}

static int set_options(struct smudge_client *client,
		       const struct smudge_client_options *o,
		       struct smudge_error *err)
{
	enum smudge_rearm_policy policy = o->rearm_policy;

	client->marks_only = o->marks_only;
	client->is_quiesced = policy == SMUDGE_REARM_QUIESCED;
	if (policy != SMUDGE_REARM_ALWAYS && policy != SMUDGE_REARM_QUIESCED)
		return smudge_error_set(err, -EINVAL, "client",
					"%d is no re-arm policy", (int)policy);
	if (client->marks_only && client->is_quiesced)
		return smudge_error_set(err, -EINVAL, "client",
					"a client that receives marks only has "
					"no sources to re-arm");
	return 0;
}

int smudge_client_open(struct smudge_memory *memory,
		       const struct smudge_client_options *options,
		       struct smudge_client **ret_client,
		       struct smudge_error *err)
{
	struct smudge_client_options own;
	struct smudge_client *client;
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = smi_sys_options_copy(
		&own, options, SMI_SYS_SHAPE(smudge_client_options, nregions),
		"client", err);
	if (ret == 0)
		ret = check_options(&own, err);
	if (ret == 0)
		ret = smi_memory_check_space(memory, err);
	if (ret < 0)
		return ret;
	client = calloc(1, sizeof(*client));
	if (!client)
		return smudge_error_set(err, -ENOMEM, "client",
					"no memory for client %s", own.name);
	client->memory = memory;
	client->watches_all = own.nregions == 0;
	ret = set_options(client, &own, err);
	if (ret == 0) {
		pthread_mutex_lock(&memory->lock);
		ret = open_locked(client, &own, err);
		pthread_mutex_unlock(&memory->lock);
	}
	if (ret < 0) {
		free(client);
		return ret;
	}
	*ret_client = client;
	return 0;
}

int smudge_client_close(struct smudge_client *client)
{
	struct smudge_memory *memory;
	struct smudge_client **link;
	int ret;

	if (!client)
		return 0;
	memory = client->memory;
	ret = smi_memory_check_space(memory, NULL);
	if (ret < 0)
		return ret;
	SMI_SYS_LOG_SCOPE();
	SMI_SYS_GUARD(&memory->lock);
	for (struct smi_view *v = client->views; v; v = v->next_in_client) {
		if (smi_view_has_batches(v))
			return -EBUSY;
	}
	smi_stats_measure(memory);
	for (link = &memory->clients; *link != client;)
		link = &(*link)->next;
	*link = client->next;
	memory->nclients--;
	SMI_SYS_LOG(SMUDGE_LOG_DEBUG, "client", "client %s is closed",
		    client->name);
	SMI_SYS_PROBE(client_close, client->name);
	drop_views(client);
	free(client);
	if (!memory->nclients)
		smi_populated_rest(memory);
	return 0;
}
