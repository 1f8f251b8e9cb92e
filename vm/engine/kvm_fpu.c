/* SPDX-License-Identifier: MIT */
/*
 * x87 and SSE registers between KVM and the engine-neutral state. The state
 * does not have the registers beyond these, so a guest that uses them cannot
 * migrate.
 *
 * The layout is FXSAVE's, with which KVM_GET_XSAVE begins: KVM_GET_FPU and
 * KVM_SET_FPU leave MXCSR out.
 */
#include "engine/kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <smudge/error.h>

#define WHERE	      "kvm"
#define FCW_OFF	      0
#define FSW_OFF	      2
#define FTW_OFF	      4
#define MXCSR_OFF     24
#define ST_OFF	      32
#define ST_STRIDE     16
#define XMM_OFF	      160
#define XSTATE_BV_OFF 512
#define X87_AND_SSE   UINT64_C(0x3)
#define XCR0_RESET    UINT64_C(0x1)
#define DR7_ENABLED   UINT64_C(0xff)

static int refuse(struct smudge_error *err, int code, const char *what)
{
	return smudge_error_set(err, code, WHERE,
				"KVM refuses the state of the vCPU: %s: %s",
				what, strerror(-code));
}

static int refuse_uncarried(struct smudge_error *err, const char *what)
{
	return smudge_error_set(err, -EOPNOTSUPP, WHERE,
				"the guest uses %s, which the state of a vCPU "
				"does not carry",
				what);
}

int engine_kvm_check_uncarried(const struct engine_vcpu *vcpu,
			       struct smudge_error *err)
{
	struct kvm_debugregs debug;
	struct kvm_xcrs xcrs;

	if (ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &debug) < 0)
		return refuse(err, -errno, "reading debug registers");
	if (debug.dr7 & DR7_ENABLED)
		return refuse_uncarried(err, "debug registers");
	/* a processor without XSAVE has nothing beyond SSE */
	if (ioctl(vcpu->fd, KVM_GET_XCRS, &xcrs) < 0)
		return 0;
	for (unsigned int i = 0; i < xcrs.nr_xcrs; i++)
		if (xcrs.xcrs[i].xcr == 0 && xcrs.xcrs[i].value != XCR0_RESET)
			return refuse_uncarried(err, "AVX or later registers");
	return 0;
}

int engine_kvm_get_fpu(const struct engine_vcpu *vcpu, struct vcpu_fpu *to,
		       struct smudge_error *err)
{
	struct kvm_xsave xsave;
	const uint8_t *bytes = (const uint8_t *)xsave.region;

	if (ioctl(vcpu->fd, KVM_GET_XSAVE, &xsave) < 0)
		return refuse(err, -errno, "reading floating point registers");
	memcpy(&to->fcw, bytes + FCW_OFF, sizeof(to->fcw));
	memcpy(&to->fsw, bytes + FSW_OFF, sizeof(to->fsw));
	to->ftw = bytes[FTW_OFF];
	memcpy(&to->mxcsr, bytes + MXCSR_OFF, sizeof(to->mxcsr));
	for (unsigned int i = 0; i < 8; i++)
		memcpy(to->st[i], bytes + ST_OFF + i * ST_STRIDE,
		       sizeof(to->st[i]));
	memcpy(to->xmm, bytes + XMM_OFF, sizeof(to->xmm));
	return 0;
}

int engine_kvm_set_fpu(const struct engine_vcpu *vcpu,
		       const struct vcpu_fpu *from, struct smudge_error *err)
{
	const uint64_t features = X87_AND_SSE; /* others as after a reset */
	struct kvm_xsave xsave = {0};
	uint8_t *bytes = (uint8_t *)xsave.region;

	memcpy(bytes + FCW_OFF, &from->fcw, sizeof(from->fcw));
	memcpy(bytes + FSW_OFF, &from->fsw, sizeof(from->fsw));
	bytes[FTW_OFF] = from->ftw;
	memcpy(bytes + MXCSR_OFF, &from->mxcsr, sizeof(from->mxcsr));
	for (unsigned int i = 0; i < 8; i++)
		memcpy(bytes + ST_OFF + i * ST_STRIDE, from->st[i],
		       sizeof(from->st[i]));
	memcpy(bytes + XMM_OFF, from->xmm, sizeof(from->xmm));
	memcpy(bytes + XSTATE_BV_OFF, &features, sizeof(features));
	if (ioctl(vcpu->fd, KVM_SET_XSAVE, &xsave) < 0)
		return refuse(err, -errno, "floating point registers");
	return 0;
}
