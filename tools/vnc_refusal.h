/* SPDX-License-Identifier: MIT */
/*
 * Why a VNC server did not let a viewer in. libvncclient tells it to its log
 * only.
 */
#ifndef TOOLS_VNC_REFUSAL_H
#define TOOLS_VNC_REFUSAL_H

#include <stdbool.h>

struct smudge_error;

struct vnc_refusal {
	bool is_no_vnc;	  /* what answers is no VNC server */
	bool was_asked;	  /* the server asked for a password */
	bool is_silent;	  /* it did not answer in time */
	char reason[128]; /* the server's; "" if it gave none */
};

/*
 * vnc_refusal_listen - note what libvncclient says on this thread from now on
 * @refusal: emptied; NULL: ignore what it says
 *
 * Nothing of it is printed. The log of libvncclient is one for all threads: the
 * first call takes it over.
 */
void vnc_refusal_listen(struct vnc_refusal *refusal);

/*
 * vnc_refusal_say - make the sentence
 * @ret: the errno of the failure, returned
 */
int vnc_refusal_say(const struct vnc_refusal *refusal, const char *host,
		    int port, bool has_password, int ret,
		    struct smudge_error *err);

#endif
