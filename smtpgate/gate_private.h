/* gate_private.h - between the files of the engine: gate.c, hello.c, auth.c, mail.c, parameters.c, data.c,
 * bdat.c. */
#ifndef POPGATE_GATE_PRIVATE_H
#define POPGATE_GATE_PRIVATE_H

#include "common/line/verb.h"
#include "smtpgate/gate.h"

#define GATE_ERRORS_MAX 20 /* commands a client may get wrong */
#define GATE_AUTH_FAILURES_MAX 3 /* passwords */
#define GATE_MAIL_ROOM 256 /* of enum verb_flags: the command wants gate->mail */

static inline struct gate *gate_of(struct engine *e)
{
	return (struct gate *)(void *)e;
}

typedef enum step gate_then(struct gate *g, struct buf *out);

/* Asks the owner; then_fn runs once it is answered. */
enum step gate_ask(struct gate *g, enum gate_asks kind, gate_then *then_fn);

/* Says it and goes on. */
enum step gate_say(struct buf *out, int code, const char *text);

/* Says it and counts an error; 421 and the end after too many. */
enum step gate_err(struct gate *g, struct buf *out, int code, const char *text);

/* Says 421 and hangs up; why is for the log, static. */
enum step gate_cut(struct gate *g, struct buf *out, const char *text, const char *why);

/* Forgets the transaction; then_fn speaks. The hops are let go first if any was asked. */
enum step gate_reset(struct gate *g, struct buf *out, gate_then *then_fn);

/* Sets what the client calls itself; NULL: it has not said. Without memory it has not. */
void gate_set_helo(struct gate *g, const struct str *name);

/* Forgets sender and recipients. */
void gate_clear(struct gate *g);

/* Cuts a line off in; STEP_AGAIN with *line and *used set, else the step to return. Too long a line is
 * answered with 500 and too_long, and dropped to its end. */
enum step gate_cut_line(struct gate *g, struct buf *in, size_t max, const char *too_long,
	struct buf *out, struct str *line, size_t *used);

/* hello.c */
enum step run_helo(struct engine *e, struct str args, struct buf *out);
enum step run_ehlo(struct engine *e, struct str args, struct buf *out);
enum step run_rset(struct engine *e, struct str args, struct buf *out);
enum step run_noop(struct engine *e, struct str args, struct buf *out);
enum step run_vrfy(struct engine *e, struct str args, struct buf *out);
enum step run_expn(struct engine *e, struct str args, struct buf *out);
enum step run_help(struct engine *e, struct str args, struct buf *out);
enum step run_xadr(struct engine *e, struct str args, struct buf *out);
enum step run_quit(struct engine *e, struct str args, struct buf *out);
enum step gate_greet(struct gate *g, struct buf *in, struct buf *out);

/* auth.c */
enum step run_starttls(struct engine *e, struct str args, struct buf *out);
enum step run_auth(struct engine *e, struct str args, struct buf *out);
enum step gate_run_response(struct gate *g, struct buf *in, struct buf *out);

/* mail.c */
enum step run_mail(struct engine *e, struct str args, struct buf *out);
enum step run_rcpt(struct engine *e, struct str args, struct buf *out);
void gate_tell_data_refused(struct gate *g); /* DATA was answered by something else than 354 */
void gate_tell_refused(struct gate *g, const char *stage, const struct path *recipient, int code,
	const char *reason);

/* parameters.c: takes those of MAIL, or of RCPT, into the envelope, or into ask.recipient. 0, or the code
 * of the refusal with its text. */
int gate_mail_parameters(struct gate *g, struct str rest, const char **text);
int gate_rcpt_parameters(struct gate *g, struct str rest, const char **text);
uint64_t gate_max_size(const struct gate *g);

/* data.c */
enum step run_data(struct engine *e, struct str args, struct buf *out);
enum step gate_run_message(struct gate *g, struct buf *in, struct buf *out);

/* What is wrong with what was added to the body since it had before octets; NULL: nothing. */
struct gate_fault {
	int code;
	const char *text, *reason;
};
const struct gate_fault *gate_look(struct gate *g, size_t before);
extern const struct gate_fault gate_bare_line_end, gate_too_large;

/* Tells the owner, and has the rest of the message eaten and answered with it; then_fn runs when the hops
 * are dropped. */
enum step gate_give_up(struct gate *g, const struct gate_fault *fault, gate_then *then_fn);

/* then_fns: the message begins, without a word; is over, answered with g->reply; goes on. */
void gate_begin_body(struct gate *g);
enum step gate_finished(struct gate *g, struct buf *out);
enum step gate_go_on(struct gate *g, struct buf *out);
enum step gate_say_reply(struct gate *g, struct buf *out);

/* bdat.c */
enum step run_bdat(struct engine *e, struct str args, struct buf *out);
enum step gate_run_chunk(struct gate *g, struct buf *in, struct buf *out);

#endif
