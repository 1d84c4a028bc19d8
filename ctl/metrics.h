/* metrics.h - counters in the text format of Prometheus: each family once, with its help and its type. */
#ifndef POPGATE_CTL_METRICS_H
#define POPGATE_CTL_METRICS_H

#include "common/daemon/counters.h"

/* The name without its label; dst has COUNTERS_NAME octets. Returns dst. */
char *metrics_family(const char *name, char *dst);
bool metrics_same_family(const struct counters_seen *s, size_t a, size_t b);

/* Is that a bucket of a histogram? Its bound in seconds; infinity for the last. */
bool metrics_bound(const char *name, double *bound);

/* All of those that run (NULL: not there) to standard output, "# EOF" at the end. */
void metrics_print(struct counters_seen *const *seen, size_t n);

#endif
