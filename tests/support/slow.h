/* SPDX-License-Identifier: MIT */
/*
 * How slow this build is: what a sanitizer or an emulator makes of a second.
 * What is the same under each build, such as a walk of every place where a call
 * can fail, is walked whole where nothing slows it down, and elsewhere in part:
 * other places in each run.
 */
#ifndef TESTS_SUPPORT_SLOW_H
#define TESTS_SUPPORT_SLOW_H

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define TEST_HAS_TSAN 1
#else
#define TEST_HAS_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define TEST_HAS_ASAN 1
#else
#define TEST_HAS_ASAN 0
#endif

#ifdef TEST_EMULATED
#define TEST_IS_EMULATED 1
#else
#define TEST_IS_EMULATED 0
#endif

/* Of a walk, one place in TEST_STEP; of random rounds, TEST_PERCENT. */
#if TEST_HAS_TSAN || TEST_IS_EMULATED
#define TEST_STEP    8
#define TEST_PERCENT 25
#elif TEST_HAS_ASAN
#define TEST_STEP    4
#define TEST_PERCENT 50
#else
#define TEST_STEP    1
#define TEST_PERCENT 100
#endif

#endif
