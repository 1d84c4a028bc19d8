/* tell.h - what a request that was done means to those who watch. */
#ifndef POPGATE_TELL_H
#define POPGATE_TELL_H

#include "common/store/store.h"
#include "common/window/notice.h"

/* The event of p, which is done. False: it is none that anybody watches for, or it failed. */
MUST_USE bool tell_notice(const struct pending *p, int64_t now_ms, struct notice *out);

#endif
