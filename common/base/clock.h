/* clock.h - the present, for those at the edge who may ask; the pure rooms take it as an argument. */
#ifndef POPGATE_CLOCK_H
#define POPGATE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since 1970, UTC: what is stored and logged. It may jump. */
static inline int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Milliseconds since some start: for measuring and waiting. It never jumps. */
static inline int64_t clock_steady_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
