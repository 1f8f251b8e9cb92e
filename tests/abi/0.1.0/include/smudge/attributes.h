/* SPDX-License-Identifier: MIT */
/*
 * What compilers check of a call: warnings for a program, and nothing at run
 * time. Empty for compilers that do not know them.
 */
#ifndef SMUDGE_ATTRIBUTES_H
#define SMUDGE_ATTRIBUTES_H

/* A result that is not used is a failure that nothing sees. */
#ifdef __GNUC__
#define SMUDGE_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SMUDGE_MUST_CHECK
#endif

/* The arguments that may not be NULL, from 1. */
#ifdef __GNUC__
#define SMUDGE_NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#else
#define SMUDGE_NONNULL(...)
#endif

#endif
