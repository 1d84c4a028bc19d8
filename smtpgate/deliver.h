/* deliver.h - the deliver role: a process that runs as the owner of the mail, speaks LMTP to the gate's
 * workers and writes Maildirs.
 *
 * A session comes as one end of a socket pair over the channel that the supervisor made, with one octet
 * that says whose template it is for. */
#ifndef POPGATE_DELIVER_H
#define POPGATE_DELIVER_H

#include "common/daemon/kit.h"

#define DELIVER_LOCAL 'd' /* deliver_to: recipients must exist */
#define DELIVER_RELAYED 'r' /* relay_to: any recipient has a Maildir */

/* Serves until told to end. Returns the exit code. */
int deliver_serve(struct kit *kit);

#endif
