/* SPDX-License-Identifier: MIT */
/*
 * What a program sets up before all else: the standard streams, the signals
 * that writing can raise, and who may use the files it makes.
 */
#ifndef COMMON_STREAMS_H
#define COMMON_STREAMS_H

/*
 * streams_prepare - make descriptors 0 to 2 and writing safe
 *
 * The first call of main. Those of 0 to 2 that are closed become /dev/null:
 * else a socket or a file would get their number, and what is meant for a
 * reader would go there. SIGPIPE and SIGXFSZ are ignored: a write fails with
 * EPIPE or EFBIG then, where it would have ended the process. The umask
 * becomes 077: what the program makes is its user's alone, since a guest's
 * memory or screen may be in it.
 * Return: 0, or -errno when /dev/null cannot be opened.
 */
int streams_prepare(void);

/*
 * streams_finish - write out what is left for standard output
 * Return: 0, or -errno of a write that failed now or before (-EIO when its
 * errno is not known any more).
 */
int streams_finish(void);

#endif
