/* confine.h - the sandbox of a worker: what those of both daemons need of the file system alike. */
#ifndef POPGATE_CONFINE_H
#define POPGATE_CONFINE_H

#include "common/daemon/kit.h"
#include "common/daemon/sandbox.h"

/* With the account file, which is read again when it changes; where window is set also the window, which is
 * read there and whose readers write down that they do. One worker of many speaks for all in the log. */
void confine_init(struct sandbox *s, const struct kit *kit, unsigned needs, bool window);

/* All Maildirs of a template, see common/conf/mailbox.h, and those of mail_roots. */
void confine_mail(struct sandbox *s, const struct kit *kit, struct str mailbox);

#endif
