/* lmtpd.h - the LMTP server of the deliver role, as an engine (RFC 2033). Its only clients are the gate's
 * workers; it trusts them no more than anybody.
 *
 * After the dot all recipients hear the same: the message lies in all of their Maildirs or in none. */
#ifndef POPGATE_LMTPD_H
#define POPGATE_LMTPD_H

#include "common/line/dot.h"
#include "common/line/engine.h"
#include "smtpgate/body.h"
#include "smtpgate/path.h"
#include "smtpgate/reply.h"

#define LMTPD_LINE_MAX 2048
#define LMTPD_IN_MAX (64 * 1024)
#define LMTPD_OUT_MAX (32 * 1024)
#define LMTPD_FILE_MAX (64 * 1024) /* octets in lmtpd->file at most */
#define LMTPD_RECIPIENTS_MAX 1000

enum lmtpd_asks {
	LMTPD_ASKS_NOTHING,
	LMTPD_ASKS_RECIPIENT, /* is there a Maildir for lmtpd->recipient? lmtpd_answer() 250 or a refusal */
	LMTPD_ASKS_OPEN, /* the message begins: lmtpd_answer() 354 or a refusal */
	LMTPD_ASKS_WRITE, /* write lmtpd->file and clear it: lmtpd_answer() 250 or a refusal */
	LMTPD_ASKS_COMMIT, /* write the rest, deliver to all or none: lmtpd_answer() */
	LMTPD_ASKS_FORGET, /* drop the transaction: lmtpd_answer() 250 */
};

struct lmtpd {
	struct engine engine; /* the first member */
	enum lmtpd_asks asks;
	struct path sender, recipient;
	unsigned recipients; /* taken */
	uint64_t size; /* octets of the message, as was declared; 0: was not */
	struct buf file; /* octets for the files: LF, no doubled dots */

	/* private */
	const char *hostname; /* borrowed */
	enum step (*then)(struct lmtpd *d, struct buf *out);
	struct reply reply;
	struct reply fault; /* once the message cannot be written: code != 0 */
	struct body scan;
	struct dot_in dot;
	bool greeted, in_mail, in_body;
};

void lmtpd_init(struct lmtpd *d, const char *hostname);
void lmtpd_free(struct lmtpd *d);
void lmtpd_answer(struct lmtpd *d, const struct reply *r);

#endif
