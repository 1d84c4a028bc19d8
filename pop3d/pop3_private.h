/* pop3_private.h - between the files of the engine: pop3.c, hello.c, auth.c, trans.c. */
#ifndef POPGATE_POP3_PRIVATE_H
#define POPGATE_POP3_PRIVATE_H

#include "common/line/verb.h"
#include "pop3d/pop3.h"

#define POP3_ERRORS_MAX 20 /* commands that a client may get wrong, one after the other */
#define POP3_FAILURES_MAX 5 /* logins a connection may fail, of whatever kind */
#define POP3_CHUNK 16384 /* octets of a long listing between two writes */
#define POP3_DROP 256 /* a verb's flag: needs the messages scanned */

static inline struct pop3 *pop3_of(struct engine *e)
{
	return (struct pop3 *)(void *)e;
}

/* Asks the owner; then_fn runs once it is answered. */
enum step pop3_ask(
	struct pop3 *p, enum pop3_asks kind, enum step (*then_fn)(struct pop3 *, struct buf *));

/* Says -ERR and text, and counts it; closes after too many. */
enum step pop3_err(struct pop3 *p, struct buf *out, const char *text);
enum step pop3_ok(struct buf *out, const char *text);

/* hello.c */
enum step pop3_greet(struct pop3 *p, struct buf *out);
enum step run_capa(struct engine *e, struct str args, struct buf *out);
enum step run_xadr(struct engine *e, struct str args, struct buf *out);
enum step run_stls(struct engine *e, struct str args, struct buf *out);
enum step run_utf8(struct engine *e, struct str args, struct buf *out);
enum step run_lang(struct engine *e, struct str args, struct buf *out);

/* auth.c */
enum step run_user(struct engine *e, struct str args, struct buf *out);
enum step run_pass(struct engine *e, struct str args, struct buf *out);
enum step run_apop(struct engine *e, struct str args, struct buf *out);
enum step run_auth(struct engine *e, struct str args, struct buf *out);

/* The client's line behind a challenge, without its end; and one that could not be read. */
enum step pop3_respond(struct pop3 *p, struct str line, struct buf *out);
enum step pop3_cannot_respond(struct pop3 *p, const char *complaint);

/* Forgets what the client said of itself (RFC 2595 4). */
void pop3_forget(struct pop3 *p);

/* trans.c */
enum step run_stat(struct engine *e, struct str args, struct buf *out);
enum step run_list(struct engine *e, struct str args, struct buf *out);
enum step run_uidl(struct engine *e, struct str args, struct buf *out);
enum step run_retr(struct engine *e, struct str args, struct buf *out);
enum step run_top(struct engine *e, struct str args, struct buf *out);
enum step run_dele(struct engine *e, struct str args, struct buf *out);
enum step run_noop(struct engine *e, struct str args, struct buf *out);
enum step run_rset(struct engine *e, struct str args, struct buf *out);
enum step run_quit(struct engine *e, struct str args, struct buf *out);

#endif
