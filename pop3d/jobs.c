/* jobs.c - calls on a maildrop, one at a time for each session, in the pool: files block. */
#include <stdlib.h>

#include "common/conf/mailbox.h"
#include "common/net/work.h"
#include "pop3d/session.h"

#define PIECE_MIN 512 /* octets of room for one */
#define PIECES_A_TURN 4 /* of one session: then come the others */

struct job {
	struct session *session; /* NULL: gone meanwhile */
	struct maildrop *drop;
	enum pop3_asks kind; /* NOTHING: open it */
	enum err e, scan_e;
	bool again; /* a slice is done, and there is more of the same */
	bool unscanned; /* NOTHING: the snapshot wants more than a slice */
	char sid[SID_TEXT]; /* to open */
	struct maildrop_place place;
	int64_t delay_ms;
	size_t message, room, n, stayed; /* PIECE, UPDATE; room: of text */
	uint64_t offset;
	bool last;
	bool *doomed; /* owned: a copy */
	struct snapshot *found; /* NOTHING; owned; NULL for none */
	size_t found_octets;
	char text[]; /* NOTHING: the path; PIECE: the octets, up to POP3_PIECE_MAX */
};

/* A small maildrop is known in one visit to the pool, and a visit costs more than its listing. */
static void open_and_look(struct job *j)
{
	j->e = maildrop_open_after(&j->drop, &j->place, j->delay_ms);
	if (j->e == ERR_NONE)
		j->scan_e = maildrop_scan(j->drop, &j->unscanned);
	if (j->e == ERR_NONE && j->scan_e == ERR_NONE && !j->unscanned)
		j->found = maildrop_snapshot(j->drop, &j->found_octets);
}

static void on_run(void *job)
{
	struct job *j = job;

	switch (j->kind) {
	case POP3_ASKS_SCAN: j->e = maildrop_scan(j->drop, &j->again); break;
	case POP3_ASKS_PIECE:
		j->e = maildrop_read(
			j->drop, j->message, j->offset, j->text, j->room, &j->n, &j->last);
		j->again = j->e == ERR_NONE && j->n == 0 && !j->last;
		break;
	case POP3_ASKS_UPDATE:
		j->stayed = maildrop_delete(j->drop, j->doomed);
		maildrop_close(&j->drop);
		break;
	default: open_and_look(j); break;
	}
}

static void free_job(struct job *j)
{
	maildrop_close(&j->drop);
	snapshot_free(j->found);
	free(j->doomed);
	free(j);
}

/* --- answers --- */

static uint64_t octets_of(void *ctx, size_t i)
{
	const struct session *s = ctx;

	return maildrop_octets(s->drop, i);
}

static const char *uidl_of(void *ctx, size_t i)
{
	const struct session *s = ctx;

	return maildrop_uidl(s->drop, i);
}

static void answer_scan(struct session *s, enum err e)
{
	if (e != ERR_NONE) {
		event_trouble(s, "scan", e);
		pop3_not_scanned(&s->pop3);
		return;
	}
	pop3_scanned(
		&s->pop3, &(struct pop3_drop){ maildrop_count(s->drop), octets_of, uidl_of, s });
}

static void answer_piece(struct session *s, const struct job *j)
{
	enum pop3_piece kind = j->last ? POP3_PIECE_LAST : POP3_PIECE_MORE;

	if (j->e != ERR_NONE) {
		event_trouble(s, "read", j->e);
		kind = POP3_PIECE_GONE;
	}
	pop3_piece(&s->pop3, kind, (struct str){ j->text, j->e == ERR_NONE ? j->n : 0 });
}

static void answer_update(struct session *s, const struct job *j)
{
	if (j->stayed > 0)
		event_trouble(s, "delete", ERR_DENIED);
	pop3_updated(&s->pop3, j->stayed);
}

static void answer_open(struct session *s, struct job *j)
{
	s->drop_error = j->e;
	s->scan_error = j->scan_e;
	s->scanned = !j->unscanned;
	/* Where it could not be opened, because another session has it, say, what is known of it stays as good. */
	if (j->e != ERR_NONE)
		return;
	snapshots_put(&s->server->snapshots, j->text, j->found, j->found_octets);
	j->found = NULL;
}

static void on_done(void *job);

/* The next slice, behind what others have asked of the pool meanwhile. */
static bool go_on(struct job *j)
{
	j->again = false;
	if (work_submit(j->session->server->loop, on_run, on_done, j))
		return true;
	j->e = ERR_NOMEM;
	return false;
}

/* A piece stays where it is until the engine has run, which may be only when what it said before is
 * written: so its job is kept until the next one. */
static void on_done(void *job)
{
	struct job *j = job;
	struct session *s = j->session;

	if (s == NULL) {
		free_job(j);
		return;
	}
	if (j->again && go_on(j))
		return;
	s->drop = j->drop;
	j->drop = NULL;
	j->session = NULL;
	switch (j->kind) {
	case POP3_ASKS_SCAN: answer_scan(s, j->e); break;
	case POP3_ASKS_PIECE: answer_piece(s, j); break;
	case POP3_ASKS_UPDATE: answer_update(s, j); break;
	default:
		answer_open(s, j);
		s->job = NULL;
		free_job(j);
		login_opened(s);
		return;
	}
	if (j->kind != POP3_ASKS_PIECE) {
		s->job = NULL;
		free_job(j);
	}
	conn_resume(s->conn);
}

/* --- begin and end --- */

static void drop_last_job(struct session *s)
{
	if (s->job != NULL)
		free_job(s->job);
	s->job = NULL;
}

/* A job for what the engine asks, with so many octets of text; the one before is done with. */
static struct job *new_job(struct session *s, enum pop3_asks kind, size_t room)
{
	struct job *j = malloc(sizeof(*j) + room);

	drop_last_job(s);
	if (j == NULL)
		return NULL;
	*j = (struct job){ .kind = kind, .room = room };
	j->message = s->pop3.ask.message;
	j->offset = s->pop3.ask.offset;
	return j;
}

static bool submit(struct session *s, struct job *j)
{
	j->session = s;
	j->drop = s->drop;
	if (!work_submit(s->server->loop, on_run, on_done, j)) {
		j->drop = NULL;
		free_job(j);
		return false;
	}
	s->drop = NULL;
	s->job = j;
	return true;
}

/* A maildrop that is as it was is opened here: with the visit to the pool, where it would be listed again, a login took
 * 0.145 ms of CPU, without 0.099. Under a login delay the lock's time is changed, which may wait for a disk. */
static bool open_now(struct session *s, const struct maildrop_place *place, int64_t delay_ms)
{
	const struct snapshot *found = snapshots_find(&s->server->snapshots, place->path);

	if (found == NULL || delay_ms > 0 || !maildrop_open_now(&s->drop, place, found))
		return false;
	s->drop_error = s->scan_error = ERR_NONE;
	s->scanned = true;
	session_count(s, COUNT_UNCHANGED, 1);
	login_opened(s);
	return true;
}

static bool open_by_job(struct session *s, const struct maildrop_place *place, int64_t delay_ms)
{
	struct job *j = new_job(s, POP3_ASKS_NOTHING, strlen(place->path) + 1);

	if (j == NULL)
		return false;
	strcpy(j->text, place->path);
	memcpy(j->sid, s->sid, sizeof(j->sid));
	j->place = *place;
	j->place.path = j->text;
	j->place.sid = j->sid;
	j->delay_ms = delay_ms;
	return submit(s, j);
}

bool jobs_open(struct session *s)
{
	const struct server *v = s->server;
	const struct subscriber who = subscriber_of(s->who);
	char path[MAILBOX_PATH_MAX];
	const struct maildrop_place place = { path, v->lock_dir, v->settings.uidl_format, s->sid };
	const int64_t delay_ms = (int64_t)v->settings.login_delay_s * 1000;

	return mailbox_path(v->settings.mailbox, &who, path) &&
		(open_now(s, &place, delay_ms) || open_by_job(s, &place, delay_ms));
}

/* What is to be deleted, as the job's own: the session may end before it does. */
static bool copy_doomed(const struct session *s, struct job *j)
{
	size_t n = maildrop_count(s->drop);

	j->doomed = calloc(n + 1, sizeof(*j->doomed));
	if (j->doomed != NULL)
		memcpy(j->doomed, s->pop3.doomed, n * sizeof(*j->doomed));
	return j->doomed != NULL;
}

static void cannot(struct session *s, enum pop3_asks kind)
{
	switch (kind) {
	case POP3_ASKS_SCAN: pop3_not_scanned(&s->pop3); break;
	case POP3_ASKS_PIECE: pop3_piece(&s->pop3, POP3_PIECE_GONE, STR("")); break;
	default: pop3_updated(&s->pop3, s->pop3.done.deleted); break;
	}
	conn_resume(s->conn);
}

static void give_up_lock(struct session *s)
{
	maildrop_close(&s->drop);
	pop3_updated(&s->pop3, 0);
	conn_resume(s->conn);
}

static bool has_turn(struct session *s)
{
	uint64_t turn = loop_turn(s->server->loop);

	s->pieces = s->turn == turn ? s->pieces + 1 : 1;
	s->turn = turn;
	return s->pieces <= PIECES_A_TURN;
}

/* What lies in the page cache is read here: to hand it to the pool and back costs as much again (RETR of 12 kB over
 * one connection 0.026 ms instead of 0.050). */
static bool read_now(struct session *s)
{
	const struct pop3 *p = &s->pop3;
	char *piece = s->server->piece;
	size_t n;
	bool last;

	if (!has_turn(s))
		return false;
	drop_last_job(s);
	if (maildrop_read_now(s->drop, p->ask.message, p->ask.offset, piece, POP3_PIECE_MAX, &n,
		    &last) != ERR_NONE)
		return false;
	pop3_piece(&s->pop3, last ? POP3_PIECE_LAST : POP3_PIECE_MORE, (struct str){ piece, n });
	conn_resume(s->conn);
	return true;
}

/* No more than is left of the message: its last piece is kept while the client thinks. A file is no longer than
 * what is announced of it; if it is, it takes more pieces to find that out. */
static size_t piece_room(const struct session *s)
{
	uint64_t octets = maildrop_octets(s->drop, s->pop3.ask.message);
	uint64_t left = octets > s->pop3.ask.offset ? octets - s->pop3.ask.offset : 0;

	if (left < PIECE_MIN)
		return PIECE_MIN;
	return left < POP3_PIECE_MAX ? (size_t)left : POP3_PIECE_MAX;
}

void jobs_begin(struct session *s)
{
	enum pop3_asks kind = s->pop3.ask.kind;
	struct job *j;

	if (kind == POP3_ASKS_UPDATE && s->pop3.done.deleted == 0) {
		give_up_lock(s);
		return;
	}
	if (kind == POP3_ASKS_SCAN && s->scanned) {
		answer_scan(s, s->scan_error);
		conn_resume(s->conn);
		return;
	}
	if (kind == POP3_ASKS_PIECE && read_now(s))
		return;
	j = new_job(s, kind, kind == POP3_ASKS_PIECE ? piece_room(s) : 0);
	if (j != NULL && kind == POP3_ASKS_UPDATE && !copy_doomed(s, j)) {
		free_job(j);
		j = NULL;
	}
	if (j == NULL || !submit(s, j))
		cannot(s, kind);
}

void jobs_end(struct session *s)
{
	if (s->job != NULL && s->job->session != NULL)
		s->job->session = NULL; /* it frees itself when done */
	else if (s->job != NULL)
		free_job(s->job);
	s->job = NULL;
	maildrop_close(&s->drop);
}
