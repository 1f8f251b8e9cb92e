/* SPDX-License-Identifier: MIT */
/*
 * What the kernel offers for tracking, found by trying it.
 */
#ifndef TOOLS_FEATURE_H
#define TOOLS_FEATURE_H

#include <smudge/error.h>

#include <stdbool.h>
#include <stddef.h>

#define NFEATURES 8

struct feature {
	const char *kind;
	const char *since; /* the Linux that brought it, or "any" */
	/* kinds, the best first, that do its work where they work */
	const char *instead[2];
	const char *otherwise; /* what happens without it, or NULL */
	bool tracks;	       /* false: it only makes tracking cheaper */
	/* Runs in a process that ends afterwards, so it frees nothing. */
	int (*attempt)(struct smudge_error *err);
};

extern const struct feature features[NFEATURES];

/* The index of a kind in features; NFEATURES: there is none. */
size_t feature_find(const char *kind);

/*
 * feature_try - does it work here?
 * @err: receives why not
 *
 * A child process tries it, and ends within FEATURE_SECONDS: nothing of a
 * trial stays in this process, also when the trial is killed (a seccomp filter
 * that kills). The caller has one thread.
 * Return: 0, or -errno with one sentence.
 */
#define FEATURE_SECONDS 10
int feature_try(const struct feature *feature, struct smudge_error *err);

/* Each: Return 0, or -errno with one sentence. */
int feature_kvm_legacy(struct smudge_error *err);
int feature_kvm_manual(struct smudge_error *err);
int feature_kvm_ring(struct smudge_error *err);

#endif
