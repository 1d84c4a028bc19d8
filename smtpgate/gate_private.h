/* gate_private.h - between the files of the engine: gate.c, hello.c, mail.c, data.c. */
#ifndef POPGATE_GATE_PRIVATE_H
#define POPGATE_GATE_PRIVATE_H

#include "common/line/verb.h"
#include "smtpgate/gate.h"

#define GATE_ERRORS_MAX 20 /* commands a client may get wrong */

static inline struct gate *gate_of(struct engine *e)
{
	return (struct gate *)(void *)e;
}

/* Asks the owner; then_fn runs once it is answered. */
enum step gate_ask(
	struct gate *g, enum gate_asks kind, enum step (*then_fn)(struct gate *, struct buf *));

/* Says it and goes on. */
enum step gate_say(struct buf *out, int code, const char *text);

/* Says it and counts an error; 421 and the end after too many. */
enum step gate_err(struct gate *g, struct buf *out, int code, const char *text);

/* Forgets the transaction; then_fn speaks. The hops are let go first if any was asked. */
enum step gate_reset(
	struct gate *g, struct buf *out, enum step (*then_fn)(struct gate *, struct buf *));

/* Forgets sender and recipients. */
void gate_clear(struct gate *g);

/* hello.c */
enum step run_helo(struct engine *e, struct str args, struct buf *out);
enum step run_ehlo(struct engine *e, struct str args, struct buf *out);
enum step run_rset(struct engine *e, struct str args, struct buf *out);
enum step run_noop(struct engine *e, struct str args, struct buf *out);
enum step run_vrfy(struct engine *e, struct str args, struct buf *out);
enum step run_expn(struct engine *e, struct str args, struct buf *out);
enum step run_help(struct engine *e, struct str args, struct buf *out);
enum step run_quit(struct engine *e, struct str args, struct buf *out);

/* mail.c */
enum step run_mail(struct engine *e, struct str args, struct buf *out);
enum step run_rcpt(struct engine *e, struct str args, struct buf *out);

/* data.c */
enum step run_data(struct engine *e, struct str args, struct buf *out);
enum step gate_run_body(struct gate *g, struct buf *in, struct buf *out);

#endif
