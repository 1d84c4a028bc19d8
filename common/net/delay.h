/* delay.h - waiting on the loop without a timer each: lists by length, looked at four times a second. */
#ifndef POPGATE_DELAY_H
#define POPGATE_DELAY_H

#include "common/net/loop.h"

struct delay;

/* Calls fn(owner) once, ms milliseconds from now or up to a quarter of a second later; before it is called
 * the delay is gone, and *out must not be used any more. */
MUST_USE enum err delay_open(
	struct delay **out, struct loop *l, int64_t ms, void (*fn)(void *owner), void *owner);

/* fn will not be called. Takes NULL. */
void delay_close(struct delay **d);

#endif
