/* trans.c - the TRANSACTION state, and the QUIT that leads to UPDATE. */
#include <inttypes.h>

#include "pop3d/pop3_private.h"

static uint64_t octets_of(const struct pop3 *p, size_t i)
{
	return p->drop.octets(p->drop.ctx, i);
}

/* A message number: digits alone, of a message that is there and not marked as deleted. */
static bool message_of(const struct pop3 *p, struct str arg, size_t *i)
{
	uint64_t number;

	if (!str_to_u64(arg, p->drop.n, &number) || number == 0 || p->doomed[number - 1])
		return false;
	*i = (size_t)number - 1;
	return true;
}

static enum step no_such(struct pop3 *p, struct buf *out)
{
	return pop3_err(p, out, "No such message");
}

static void sum(const struct pop3 *p, size_t *n, uint64_t *octets)
{
	*n = 0;
	*octets = 0;
	for (size_t i = 0; i < p->drop.n; i++) {
		if (p->doomed[i])
			continue;
		++*n;
		*octets += octets_of(p, i);
	}
}

enum step run_stat(struct engine *e, struct str args, struct buf *out)
{
	uint64_t octets;
	size_t n;

	(void)args;
	sum(pop3_of(e), &n, &octets);
	buf_printf(out, "+OK %zu %" PRIu64 "\r\n", n, octets);
	return STEP_AGAIN;
}

/* --- listings --- */

static void put_octets(const struct pop3 *p, size_t i, const char *before, struct buf *out)
{
	buf_printf(out, "%s%zu %" PRIu64 "\r\n", before, i + 1, octets_of(p, i));
}

static void put_uidl(const struct pop3 *p, size_t i, const char *before, struct buf *out)
{
	buf_printf(out, "%s%zu %s\r\n", before, i + 1, p->drop.uidl(p->drop.ctx, i));
}

typedef void put_row(const struct pop3 *p, size_t i, const char *before, struct buf *out);

/* A chunk of a listing; the rest when it has been written out. */
static enum step put_rows(struct pop3 *p, put_row *put,
	enum step (*more)(struct pop3 *, struct buf *), struct buf *out)
{
	size_t start = out->len;

	for (; p->at < p->drop.n && out->len - start < POP3_CHUNK; p->at++)
		if (!p->doomed[p->at])
			put(p, p->at, "", out);
	if (p->at < p->drop.n)
		p->then = more;
	else
		buf_line(out, STR("."));
	return STEP_AGAIN;
}

static enum step more_list(struct pop3 *p, struct buf *out)
{
	return put_rows(p, put_octets, more_list, out);
}

static enum step more_uidl(struct pop3 *p, struct buf *out)
{
	return put_rows(p, put_uidl, more_uidl, out);
}

static enum step listing(struct pop3 *p, struct str args, put_row *put,
	enum step (*more)(struct pop3 *, struct buf *), struct buf *out)
{
	size_t i;

	if (args.n > 0) {
		if (!message_of(p, args, &i))
			return no_such(p, out);
		put(p, i, "+OK ", out);
		return STEP_AGAIN;
	}
	p->at = 0;
	buf_line(out, STR("+OK The list follows"));
	return more(p, out);
}

enum step run_list(struct engine *e, struct str args, struct buf *out)
{
	return listing(pop3_of(e), args, put_octets, more_list, out);
}

enum step run_uidl(struct engine *e, struct str args, struct buf *out)
{
	return listing(pop3_of(e), args, put_uidl, more_uidl, out);
}

/* --- messages --- */

static enum step send_next(struct pop3 *p, struct buf *out);

static enum step ask_piece(struct pop3 *p)
{
	return pop3_ask(p, POP3_ASKS_PIECE, send_next);
}

/* RFC 1939 5 shows the size, and some clients draw their progress bar from it. */
static void announce(const struct pop3 *p, struct buf *out)
{
	if (p->send.lines == SEND_ALL)
		buf_printf(out, "+OK %" PRIu64 " octets\r\n", octets_of(p, p->ask.message));
	else
		buf_line(out, STR("+OK The top follows"));
}

/* Before the first octet there is a reply for a message that is gone. Behind it, a message cut short must
 * not look like a whole one: no dot, and the end of the connection. */
static enum step send_next(struct pop3 *p, struct buf *out)
{
	struct str piece = p->piece;
	bool wanted;

	if (p->piece_kind == POP3_PIECE_GONE) {
		if (p->ask.offset > 0)
			return STEP_CLOSE;
		return pop3_err(p, out, "[SYS/TEMP] The message has gone or changed, list again");
	}
	if (p->ask.offset == 0)
		announce(p, out);
	p->ask.offset += piece.n;
	p->done.octets += piece.n;
	wanted = send_piece(&p->send, piece, out);
	if (wanted && p->piece_kind == POP3_PIECE_MORE)
		return ask_piece(p);
	send_end(&p->send, out);
	return STEP_AGAIN;
}

static enum step send_message(struct pop3 *p, size_t i, uint64_t lines)
{
	send_start(&p->send, lines);
	p->ask.message = i;
	p->ask.offset = 0;
	return ask_piece(p);
}

enum step run_retr(struct engine *e, struct str args, struct buf *out)
{
	struct pop3 *p = pop3_of(e);
	size_t i;

	if (!message_of(p, args, &i))
		return no_such(p, out);
	p->done.retrieved++;
	return send_message(p, i, SEND_ALL);
}

enum step run_top(struct engine *e, struct str args, struct buf *out)
{
	struct pop3 *p = pop3_of(e);
	struct str number, lines;
	uint64_t wanted;
	size_t i;

	if (!str_split(args, ' ', &number, &lines) || !str_to_u64(lines, SEND_ALL - 1, &wanted))
		return pop3_err(p, out, "TOP takes a message and a number of lines");
	if (!message_of(p, number, &i))
		return no_such(p, out);
	p->done.top++;
	return send_message(p, i, wanted);
}

enum step run_dele(struct engine *e, struct str args, struct buf *out)
{
	struct pop3 *p = pop3_of(e);
	size_t i;

	if (!message_of(p, args, &i))
		return no_such(p, out);
	p->doomed[i] = true;
	p->done.deleted++;
	return pop3_ok(out, "Marked to be deleted");
}

enum step run_noop(struct engine *e, struct str args, struct buf *out)
{
	(void)e;
	(void)args;
	return pop3_ok(out, "Still here");
}

enum step run_rset(struct engine *e, struct str args, struct buf *out)
{
	struct pop3 *p = pop3_of(e);

	(void)args;
	if (p->scanned)
		memset(p->doomed, 0, p->drop.n * sizeof(*p->doomed));
	p->done.deleted = 0;
	return pop3_ok(out, "No message is marked");
}

/* --- the end --- */

static enum step updated(struct pop3 *p, struct buf *out)
{
	if (p->stayed == 0)
		buf_line(out, STR("+OK Bye"));
	else
		buf_printf(out,
			"-ERR [SYS/TEMP] %zu of the deleted messages could not be removed\r\n",
			p->stayed);
	return STEP_PART;
}

/* RFC 1939 6: only this QUIT deletes; and the lock is released before it is answered, so that a client
 * may log in again at once. */
enum step run_quit(struct engine *e, struct str args, struct buf *out)
{
	struct pop3 *p = pop3_of(e);

	(void)args;
	if (p->phase == POP3_TRANSACTION) {
		p->phase = POP3_UPDATE;
		return pop3_ask(p, POP3_ASKS_UPDATE, updated);
	}
	buf_line(out, STR("+OK Bye"));
	return STEP_PART;
}
