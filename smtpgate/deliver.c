/* deliver.c - see deliver.h. Each session has at most one job in the pool, which owns its open files while
 * it runs; a session that ends meanwhile leaves them to the job, which deletes what was not committed. */
#include "smtpgate/deliver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/list.h"
#include "common/conf/mailbox.h"
#include "common/net/conn.h"
#include "common/net/work.h"
#include "common/users/users.h"
#include "common/worker/confine.h"
#include "common/worker/life.h"
#include "smtpgate/lmtpd.h"
#include "smtpgate/mailfile.h"
#include "smtpgate/settings.h"

#define FILES_MAX LMTPD_RECIPIENTS_MAX
#define SESSION_IDLE_MS 3600000 /* the gate's worker decides; this only catches a lost one */

struct post { /* where the copies of one message go */
	size_t n;
	char *maildirs[FILES_MAX]; /* owned */
	struct mailfile *files[FILES_MAX]; /* owned */
};

struct deliver {
	struct kit *kit;
	struct gate_settings settings;
	struct loop *loop;
	struct users *users;
	struct watch *channel;
};

struct session {
	struct deliver *deliver;
	struct lmtpd lmtpd;
	struct conn *conn;
	const struct hop *hop; /* whose template */
	struct post *post; /* NULL while a job has it */
	struct job *job;
};

struct job {
	struct session *session; /* NULL: gone meanwhile */
	struct post *post; /* owned */
	enum lmtpd_asks what;
	const char *hostname;
	struct str octets; /* owned copy, to be written */
	uint64_t size; /* that the client declared */
	enum err e;
};

static void forget(struct post *p)
{
	for (size_t i = 0; i < p->n; i++) {
		mailfile_close(&p->files[i]);
		free(p->maildirs[i]);
	}
	p->n = 0;
}

static void free_post(struct post **p)
{
	if (*p == NULL)
		return;
	forget(*p);
	free(*p);
	*p = NULL;
}

/* --- in the pool --- */

static enum err open_files(struct job *j)
{
	enum err e = ERR_NONE;

	for (size_t i = 0; i < j->post->n && e == ERR_NONE; i++)
		e = mailfile_open(&j->post->files[i], j->post->maildirs[i], j->hostname);
	return e;
}

static enum err write_files(struct job *j)
{
	enum err e = ERR_NONE;

	for (size_t i = 0; i < j->post->n && e == ERR_NONE; i++)
		e = mailfile_write(j->post->files[i], j->octets);
	return e;
}

/* Everything that can fail for lack of space has been done before the first rename. Should one fail all
 * the same, what the others made visible is taken back: the client will send the message again. */
static enum err commit_files(struct job *j)
{
	enum err e = write_files(j);

	for (size_t i = 0; i < j->post->n && e == ERR_NONE; i++)
		e = mailfile_stage(j->post->files[i]);
	for (size_t i = 0; i < j->post->n && e == ERR_NONE; i++)
		e = mailfile_commit(j->post->files[i]);
	for (size_t i = 0; i < j->post->n && e != ERR_NONE; i++)
		mailfile_retract(j->post->files[i]);
	return e;
}

static void on_run(void *job)
{
	struct job *j = job;

	switch (j->what) {
	case LMTPD_ASKS_OPEN:
		j->e = open_files(j);
		if (j->e == ERR_NONE)
			j->e = write_files(j); /* the Return-Path: line */
		break;
	case LMTPD_ASKS_WRITE: j->e = write_files(j); break;
	case LMTPD_ASKS_COMMIT: j->e = commit_files(j); break;
	case LMTPD_ASKS_FORGET: j->e = ERR_NONE; break;
	case LMTPD_ASKS_RECIPIENT:
		j->e = mailfile_fits(j->post->maildirs[j->post->n - 1], j->size);
		return;
	case LMTPD_ASKS_NOTHING: break;
	}
	if (j->e != ERR_NONE || j->what == LMTPD_ASKS_FORGET || j->what == LMTPD_ASKS_COMMIT)
		forget(j->post);
}

static void free_job(struct job *j)
{
	free_post(&j->post);
	free((char *)(uintptr_t)j->octets.p);
	free(j);
}

/* --- answers --- */

static struct reply reply_to(enum lmtpd_asks what, enum err e)
{
	if (e == ERR_NONE && what == LMTPD_ASKS_RECIPIENT)
		return reply_make(250, "2.1.5 Recipient ok");
	if (e == ERR_NONE)
		return what == LMTPD_ASKS_OPEN ? reply_make(354, "Go ahead")
					       : reply_make(250, "2.0.0 Delivered");
	if (e == ERR_QUOTA)
		return reply_make(452, "4.2.2 The mailbox is full");
	if (e == ERR_FULL)
		return reply_make(452, "4.3.1 The file system is full");
	return reply_make(451, "4.3.0 The mailbox cannot be written now");
}

static void log_trouble(const struct session *s, enum err e)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "deliver.failed");
	log_text(&l, "hop", s->hop->text.p);
	log_text(&l, "recipient", s->lmtpd.recipient.text);
	log_err(&l, e);
	log_end_folded(&l);
}

/* The recipient that was looked at last is not one after all. */
static void drop_last(struct post *p)
{
	free(p->maildirs[--p->n]);
}

static void on_done(void *job)
{
	struct job *j = job;
	struct session *s = j->session;
	struct reply reply = reply_to(j->what, j->e);

	if (s != NULL) {
		s->post = j->post;
		s->job = NULL;
		j->post = NULL;
		if (j->e != ERR_NONE)
			log_trouble(s, j->e);
		if (j->e != ERR_NONE && j->what == LMTPD_ASKS_RECIPIENT)
			drop_last(s->post);
		lmtpd_answer(&s->lmtpd, &reply);
		free_job(j);
		conn_resume(s->conn);
		return;
	}
	free_job(j);
}

static void refuse(struct session *s, int code, const char *text)
{
	const struct reply reply = reply_make(code, text);

	lmtpd_answer(&s->lmtpd, &reply);
	conn_resume(s->conn);
}

/* RFC 5321 4.4: the last system before the mailbox says where the message came from. */
static char *return_path(const struct session *s, size_t *n)
{
	char *line = malloc(PATH_TEXT_MAX + 32);

	if (line == NULL)
		return NULL;
	memcpy(line, "Return-Path: <", 14);
	*n = strlen(s->lmtpd.sender.text);
	memcpy(line + 14, s->lmtpd.sender.text, *n);
	memcpy(line + 14 + *n, ">\n", 2);
	*n += 16;
	return line;
}

static bool take_octets(struct session *s, struct job *j)
{
	struct str file = buf_str(&s->lmtpd.file);

	if (j->what == LMTPD_ASKS_RECIPIENT)
		return true;
	if (j->what == LMTPD_ASKS_OPEN) {
		j->octets.p = return_path(s, &j->octets.n);
	} else {
		j->octets.p = str_dup(file);
		j->octets.n = file.n;
		buf_clear(&s->lmtpd.file);
	}
	return j->octets.p != NULL;
}

static void begin_job(struct session *s)
{
	struct job *j = calloc(1, sizeof(*j));

	if (j == NULL) {
		if (s->lmtpd.asks == LMTPD_ASKS_RECIPIENT)
			drop_last(s->post);
		refuse(s, 451, "4.3.0 Out of memory");
		return;
	}
	j->session = s;
	j->what = s->lmtpd.asks;
	j->size = s->lmtpd.size;
	j->hostname = s->deliver->kit->site.hostname;
	j->post = s->post;
	if (!take_octets(s, j) || !work_submit(s->deliver->loop, on_run, on_done, j)) {
		j->post = NULL;
		if (j->what == LMTPD_ASKS_RECIPIENT)
			drop_last(s->post);
		free_job(j);
		refuse(s, 451, "4.3.0 Too busy to write mail, try again later");
		return;
	}
	s->post = NULL;
	s->job = j;
}

/* --- recipients --- */

/* A relayed recipient needs no account: its address alone names the Maildir. Nor does the postmaster, to
 * whom anyone may write (RFC 5321 4.5.1): without one his mail lies in the Maildir of his name. */
static bool owner_of(struct session *s, const struct path *p, struct subscriber *who)
{
	struct str domain = s->deliver->kit->site.default_domain;
	struct subscriber address;

	if (!subscriber_fold(p->domain_n > 0 ? str_of(p->text) : path_local(p), domain, &address))
		return false;
	if (s->hop == &s->deliver->settings.relay_to) {
		*who = address;
		return true;
	}
	if (users_owns(s->deliver->users, &address, who))
		return true;
	*who = address;
	return str_eq(subscriber_local(&address), STR("postmaster"));
}

static bool has_maildir(const struct post *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->maildirs[i], path) == 0)
			return true;
	return false;
}

static bool add_maildir(struct post *p, const char *path)
{
	if (p->n == FILES_MAX)
		return false;
	p->maildirs[p->n] = strdup(path);
	p->files[p->n] = NULL;
	return p->maildirs[p->n] != NULL && ++p->n > 0;
}

static void find_recipient(struct session *s)
{
	char path[MAILBOX_PATH_MAX];
	struct subscriber who;

	if (!owner_of(s, &s->lmtpd.recipient, &who) && !users_known(s->deliver->users))
		refuse(s, 451, "4.3.0 The accounts cannot be read now, try again later");
	else if (!owner_of(s, &s->lmtpd.recipient, &who))
		refuse(s, 550, "5.1.1 There is no such mailbox here");
	else if (!mailbox_path(s->hop->mailbox, &who, path))
		refuse(s, 451, "4.3.0 The mailbox cannot be reached now");
	else if (has_maildir(s->post, path)) /* one copy is enough */
		refuse(s, 250, "2.1.5 Recipient ok");
	else if (!add_maildir(s->post, path))
		refuse(s, 451, "4.3.0 The mailbox cannot be reached now");
	else
		begin_job(s); /* is there room? */
}

static void on_ask(struct conn *c, struct engine *e)
{
	struct session *s = list_entry(e, struct session, lmtpd.engine);

	(void)c;
	if (s->lmtpd.asks == LMTPD_ASKS_RECIPIENT)
		find_recipient(s);
	else
		begin_job(s);
}

/* --- sessions --- */

static void on_gone(struct conn *c, struct engine *e, const char *why)
{
	struct session *s = list_entry(e, struct session, lmtpd.engine);

	(void)c;
	(void)why;
	if (s->job != NULL)
		s->job->session = NULL;
	free_post(&s->post);
	lmtpd_free(&s->lmtpd);
	free(s);
}

static const struct conn_hooks hooks = { .ask = on_ask, .gone = on_gone };

static void start_session(struct deliver *d, int fd, char octet)
{
	const struct conn_settings settings = { .hooks = &hooks,
		.in_max = LMTPD_IN_MAX,
		.out_max = LMTPD_OUT_MAX,
		.idle_ms = SESSION_IDLE_MS };
	const struct hop *hop =
		octet == DELIVER_RELAYED ? &d->settings.relay_to : &d->settings.deliver_to;
	struct session *s = calloc(1, sizeof(*s));
	struct post *post = calloc(1, sizeof(*post));

	if (s == NULL || post == NULL || hop->kind != HOP_MAILDIR) {
		free(s);
		free(post);
		close(fd);
		return;
	}
	s->deliver = d;
	s->hop = hop;
	s->post = post;
	lmtpd_init(&s->lmtpd, d->kit->site.hostname);
	if (conn_adopt(&s->conn, d->loop, fd, &s->lmtpd.engine, &settings) != ERR_NONE) {
		free_post(&s->post);
		free(s);
	}
}

/* One session: an octet and a descriptor. False when there is none now. */
static bool receive_one(struct deliver *d)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char octet;
	struct iovec iov = { &octet, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.space) };
	ssize_t n = recvmsg(d->kit->deliver, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	const struct cmsghdr *c = n == 1 ? CMSG_FIRSTHDR(&m) : NULL;
	int fd;

	if (n < 0)
		return false;
	if (c == NULL || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return n > 0;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	start_session(d, fd, octet);
	return true;
}

static void on_channel(void *owner)
{
	struct deliver *d = owner;

	for (int i = 0; i < 64 && receive_one(d); i++)
		if (loop_draining(d->loop))
			break;
}

/* A draining process leaves what comes on the channel to its successor. */
static void on_second(void *owner)
{
	struct deliver *d = owner;

	users_refresh(d->users);
	if (loop_draining(d->loop))
		watch_close(&d->channel);
}

/* Before the first job makes threads, which it has to hold, too. */
static enum err confine(struct deliver *d)
{
	const struct hop *hops[] = { &d->settings.deliver_to, &d->settings.relay_to };
	struct sandbox s;

	confine_init(&s, d->kit, SANDBOX_FILES, false);
	for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++)
		if (hops[i]->kind == HOP_MAILDIR)
			confine_mail(&s, d->kit, hops[i]->mailbox);
	return sandbox_enter(&s);
}

static enum err open_deliver(struct deliver *d)
{
	struct buf complaints;
	enum err e;

	buf_init(&complaints, 4096);
	e = gate_settings_read(&d->settings, d->kit->conf, &complaints);
	buf_free(&complaints);
	if (e == ERR_NONE)
		e = loop_open(&d->loop);
	if (e != ERR_NONE)
		return e;
	loop_set_deadline(d->loop, d->kit->site.drain_ms);
	e = confine(d);
	if (e != ERR_NONE)
		return e;
	(void)!users_open(&d->users, d->kit->site.users_path, d->kit->site.default_domain,
		&(struct users_lent){ .pool = { work_pool, d->loop } });
	e = d->users != NULL ? loop_every(d->loop, 1000, on_second, d) : ERR_NOMEM;
	if (e == ERR_NONE)
		e = life_begin(d->loop, d->kit);
	if (e == ERR_NONE)
		e = watch_open(&d->channel, d->loop, d->kit->deliver, on_channel, d);
	return e;
}

int deliver_serve(struct kit *kit)
{
	struct deliver d = { .kit = kit };
	enum err e = open_deliver(&d);

	if (e == ERR_NONE)
		loop_run(d.loop);
	else
		log_say(LOG_LEVEL_ERROR, "worker.failed", "cannot deliver: %s", err_text(e));
	watch_close(&d.channel);
	loop_close(&d.loop);
	users_close(&d.users);
	return e == ERR_NONE ? 0 : 1;
}
