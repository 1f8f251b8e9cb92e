/* SPDX-License-Identifier: MIT */
/*
 * What a program prepares before anything else: the standard streams, the
 * signals that writing can raise, and the mode of the files it creates.
 */
#ifndef COMMON_STREAMS_H
#define COMMON_STREAMS_H

/*
 * streams_prepare - make descriptors 0 to 2 and writing safe
 *
 * The first call of main. Descriptors 0 to 2 that are closed become /dev/null:
 * otherwise a socket or a file would get their number and receive the
 * program's output. To such a standard output nothing can be written (EBADF),
 * since output that is lost is a failure; standard error has no place to
 * report one. SIGPIPE and SIGXFSZ are ignored, so that a write fails with EPIPE
 * or EFBIG instead of ending the process. The umask becomes 077: only the user
 * may read what the program creates, since it may hold a guest's memory or
 * screen.
 * Return: 0, or -errno if /dev/null cannot be opened.
 */
int streams_prepare(void);

/*
 * streams_leave - put signals and umask back as streams_prepare found them
 *
 * For a process that becomes another program.
 */
void streams_leave(void);

/*
 * streams_flush - flush standard output while the program continues
 *
 * A failure is streams_finish's to report. One thread at a time.
 */
void streams_flush(void);

/*
 * streams_finish - flush standard output for the last time
 * Return: 0, or -errno of the first write that failed in this call or in
 * streams_flush (-EIO if another one failed).
 */
int streams_finish(void);

#endif
