#include "tests/bench/histogram.h"

/* Times below 32 us have a class each; above, each power of two has 32. */
#define FINE 5
#define LARGEST (INT64_C(1) << 41)

static unsigned class_of(int64_t us)
{
	unsigned power;

	if (us < 1 << FINE)
		return us < 0 ? 0 : (unsigned)us;
	if (us > LARGEST)
		us = LARGEST;
	power = 63 - (unsigned)__builtin_clzll((unsigned long long)us);
	return ((power - FINE + 1) << FINE) +
		(unsigned)((us >> (power - FINE)) & ((1 << FINE) - 1));
}

/* The longest time that falls into a class. */
static int64_t last_of(unsigned class)
{
	unsigned power = (class >> FINE) + FINE - 1;
	int64_t place = class & ((1 << FINE) - 1);

	if (class < 1 << FINE)
		return class;
	return (((int64_t)1 << FINE) + place + 1) * ((int64_t)1 << (power - FINE)) - 1;
}

void histogram_add(struct histogram *h, int64_t us)
{
	h->n++;
	h->at[class_of(us)]++;
	if (us > h->max_us)
		h->max_us = us;
}

int64_t histogram_part(const struct histogram *h, double part)
{
	uint64_t wanted = (uint64_t)((double)h->n * part), seen = 0;
	unsigned class = 0;

	if (h->n == 0)
		return 0;
	if (wanted >= h->n)
		wanted = h->n - 1;
	while ((seen += h->at[class]) <= wanted)
		class ++;
	return last_of(class) < h->max_us ? last_of(class) : h->max_us;
}
