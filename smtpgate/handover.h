/* handover.h - gives the deliver role one end of a new socket pair, over the channel that both inherited. */
#ifndef POPGATE_HANDOVER_H
#define POPGATE_HANDOVER_H

#include "common/base/err.h"

/* octet goes with it: what kind of session it is (deliver.h). *ours, set on ERR_NONE alone, is the caller's end:
 * a stream, not blocking, closed on exec. ERR_BUSY: the channel takes nothing now; ERR_NOMEM: no descriptors, or no
 * channel (-1). */
MUST_USE enum err hand_over(int channel, char octet, int *ours);

#endif
