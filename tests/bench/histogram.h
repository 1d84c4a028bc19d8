/* histogram.h - how long things took, counted in classes 3 % apart, from 1 microsecond to days. */
#ifndef POPGATE_HISTOGRAM_H
#define POPGATE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_CLASSES 1216

struct histogram {
	uint64_t n;
	int64_t max_us;
	uint64_t at[HISTOGRAM_CLASSES];
};

/* A time below 0 counts as 0, one of over 2^41 us as that. */
void histogram_add(struct histogram *h, int64_t us);

/* The time that part (0 to 1) of them did not exceed, at most 3 % too high; 0 if there are none. */
int64_t histogram_part(const struct histogram *h, double part);

#endif
