/* rebuild.c - from whatever lies on the disk to a log and a view that belong together.
 *
 *	log fine,    view fine     replay what the view has not seen
 *	log fine,    view of no use    a new view, filled from the log
 *	log damaged, view fine     the log is set aside; the new one is filled from the view
 *	log damaged, view of no use    both new and empty; until what was lost would have ended, no answer is no
 *
 * A damaged LMDB file can crash whoever reads it, so it is read first by a child whose death is an
 * answer, too. A view whose store did not end in order and that ran under another boot of the kernel
 * may lack pages (it is never synced): it is rebuilt without a look. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/store/store.h"

#define VERDICT 64 /* what a child found is its exit status, from here on; below, it died of it */

static void read_boot_id(uint8_t id[16])
{
	char text[64] = "";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
	unsigned nibbles = 0;

	if (fd >= 0)
		close(fd);
	memset(id, 0, 16);
	for (ssize_t i = 0; i < n && nibbles < 32; i++) {
		char c = ascii_lower(text[i]);
		unsigned value = ascii_digit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);

		if (!ascii_alnum(c) || value > 15)
			continue;
		id[nibbles / 2] = (uint8_t)(id[nibbles / 2] | value << (nibbles % 2 == 0 ? 4 : 0));
		nibbles++;
	}
}

/* --- verifying, in a child --- */

static enum err look(void *owner, const struct record *r)
{
	(void)owner;
	(void)r;
	return ERR_NONE;
}

static enum err verify_log(const struct store *s)
{
	struct durable *log;
	enum err e = durable_open(&log, s->site->state_dir, s->site->window.max_size);

	if (e == ERR_NONE) {
		e = durable_replay(log, 0, look, NULL);
		durable_close(&log);
	}
	return e;
}

static enum err verify_view(const struct store *s)
{
	struct table *view;
	uint8_t boot_id[16];
	enum err e = table_open(&view, s->site->state_dir, s->site->window.max_size);

	if (e != ERR_NONE)
		return e;
	read_boot_id(boot_id);
	if (!table_meta(view)->clean &&
		memcmp(table_meta(view)->boot_id, boot_id, sizeof(boot_id)) != 0)
		e = ERR_DAMAGED;
	if (e == ERR_NONE)
		e = table_walk(view, look, NULL);
	table_close(&view);
	return e;
}

/* ERR_NONE, what the child found, or ERR_DAMAGED if it died of it. */
static enum err in_a_child(const struct store *s, enum err (*verify)(const struct store *s))
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return err_of_errno(errno);
	if (child == 0)
		_exit(VERDICT + (int)verify(s));
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return ERR_IO;
	if (!WIFEXITED(status) || WEXITSTATUS(status) < VERDICT)
		return ERR_DAMAGED;
	return (enum err)(WEXITSTATUS(status) - VERDICT);
}

/* --- opening the log --- */

static enum err open_log(struct store *s)
{
	struct log_line l;
	char aside[64];
	enum err e = s->verified ? ERR_NONE : in_a_child(s, verify_log);

	if (e == ERR_DAMAGED) {
		s->log_lost = true;
		e = durable_set_aside(s->site->state_dir, clock_ms(), aside, sizeof(aside));
		log_begin(&l, LOG_LEVEL_ERROR, "store.log_damaged");
		log_text(&l, "state_dir", s->site->state_dir);
		log_text(&l, "moved_to", e == ERR_NONE ? aside : NULL);
		log_end(&l);
	}
	if (e == ERR_NONE)
		e = durable_open(&s->log, s->site->state_dir, s->site->window.max_size);
	return e;
}

/* --- filling one from the other --- */

/* Prefixes may have changed since the record was written: a shorter one can be applied to it. */
static enum err apply_to_view(void *owner, const struct record *r)
{
	struct store *s = owner;
	struct record masked = *r;

	if (r->kind == RECORD_GRANT || r->scope >= SCOPE_KEY)
		masked.key =
			addr_key(r->key, s->site->window.ipv4_prefix, s->site->window.ipv6_prefix);
	return table_apply(s->view, &masked);
}

static enum err append_to_log(void *owner, const struct record *r)
{
	struct store *s = owner;
	struct record copy = *r;

	return durable_append(s->log, &copy);
}

static void describe(struct store *s)
{
	struct view_meta *m = table_meta(s->view);

	read_boot_id(m->boot_id);
	m->clean = false;
	m->ipv4_prefix = (uint8_t)s->site->window.ipv4_prefix;
	m->ipv6_prefix = (uint8_t)s->site->window.ipv6_prefix;
	m->lifetime_ms = s->site->window.lifetime_ms;
	m->slack_ms = s->site->window.slack_ms;
	m->origin = durable_origin(s->log);
	m->heartbeat_ms = clock_ms();
	if (s->lost_ms > m->lost_ms)
		m->lost_ms = s->lost_ms;
}

/* The clean mark has to be gone from the device before anything else is written: whatever a power cut
 * leaves of what follows, the view must not pass for whole. */
static enum err unmark(struct store *s)
{
	enum err e = table_meta(s->view)->clean ? table_begin(s->view) : ERR_NONE;

	if (!table_meta(s->view)->clean || e != ERR_NONE)
		return e;
	table_meta(s->view)->clean = false;
	e = table_commit(s->view);
	return e == ERR_NONE ? table_sync(s->view) : e;
}

/* The view goes on: what it has not seen of this log is replayed. */
static enum err replay(struct store *s, uint64_t after)
{
	enum err e = unmark(s);

	if (e == ERR_NONE)
		e = table_begin(s->view);
	if (e != ERR_NONE)
		return e;
	describe(s);
	e = durable_replay(s->log, after, apply_to_view, s);
	if (e == ERR_NONE)
		e = table_commit(s->view);
	else
		table_abort(s->view);
	return e;
}

static void log_rebuilt(struct store *s, const char *what, const char *from)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_WARN, "store.rebuilt");
	log_text(&l, "what", what);
	log_text(&l, "from", from);
	log_int(&l, "records", (int64_t)durable_last(s->log));
	log_end(&l);
}

static enum err fill_log_from_view(struct store *s)
{
	enum err e = unmark(s);

	if (e == ERR_NONE)
		e = durable_begin(s->log);
	if (e == ERR_NONE)
		e = table_walk(s->view, append_to_log, s);
	if (e != ERR_NONE) {
		durable_abort(s->log);
		return e;
	}
	e = durable_commit(s->log);
	if (e == ERR_NONE)
		e = table_begin(s->view);
	if (e != ERR_NONE)
		return e;
	describe(s);
	table_meta(s->view)->applied = durable_last(s->log);
	log_rebuilt(s, "log", "view");
	return table_commit(s->view);
}

static enum err make_view(struct store *s, bool was_there)
{
	const struct window_settings *w = &s->site->window;
	enum err e = table_make(&s->view, s->site->state_dir, w->max_size);

	/* A view without a log: one was moved aside by a store that came no further. */
	if (s->log_lost || (was_there && durable_last(s->log) == 0))
		s->lost_ms = clock_ms() + w->lifetime_ms + w->slack_ms;
	if (e == ERR_NONE)
		e = replay(s, 0);
	if (e == ERR_NONE)
		e = table_publish(s->view, s->site->state_dir);
	if (e == ERR_NONE && (was_there || durable_last(s->log) > 0))
		log_rebuilt(s, "view", "log");
	return e;
}

static enum err open_view(struct store *s)
{
	const struct view_meta *m;
	enum err e = s->verified ? ERR_NONE : in_a_child(s, verify_view);

	if (e == ERR_NONE)
		e = table_open(&s->view, s->site->state_dir, s->site->window.max_size);
	if (e != ERR_NONE)
		return e;
	m = table_meta(s->view);
	if (m->ipv4_prefix == s->site->window.ipv4_prefix &&
		m->ipv6_prefix == s->site->window.ipv6_prefix)
		return ERR_NONE;
	table_close(&s->view);
	return ERR_DAMAGED; /* its keys are not those that are looked for */
}

enum err store_load(struct store *s)
{
	enum err e = open_log(s), of_view;

	if (e != ERR_NONE)
		return e;
	of_view = open_view(s);
	if (of_view == ERR_NONE && table_meta(s->view)->origin == durable_origin(s->log))
		e = replay(s, table_meta(s->view)->applied);
	else if (of_view == ERR_NONE)
		e = fill_log_from_view(s);
	else if (of_view == ERR_DAMAGED || of_view == ERR_ABSENT)
		e = make_view(s, of_view == ERR_DAMAGED);
	else
		e = of_view;
	if (e != ERR_NONE) {
		durable_close(&s->log);
		table_close(&s->view);
		return e;
	}
	if (table_meta(s->view)->stamp_ms > s->stamp_ms)
		s->stamp_ms = table_meta(s->view)->stamp_ms;
	s->verified = true;
	s->log_lost = false;
	s->stamp_revoked = true; /* it may be a revocation's */
	return ERR_NONE;
}
