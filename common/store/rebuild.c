/* rebuild.c - from whatever lies on the disk to a log and a view that belong together.
 *
 *	log fine,    view fine     replay what the view has not seen
 *	log fine,    view of no use    a new view, filled from the log
 *	log damaged, view fine     the log is set aside, what is whole of it goes into the view; the new log
 *	                           is filled from that
 *	log damaged, view of no use    the same with a new view, which also gets what is whole of the old one;
 *	                           until what was lost would have ended, no answer is no
 *
 * A damaged LMDB file can crash whoever reads it, so it is read first by a child whose death is an
 * answer, too. A view whose store did not end in order and that ran under another boot of the kernel
 * may lack pages (it is never synced): it is rebuilt without a look. So is one that its readers keep us from
 * writing to: they can hold its locks. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/store/salvage.h"
#include "common/store/store.h"
#include "common/store/work.h"
#include "common/window/guard.h"

#define LOCKS_MS 2000 /* how long we wait for a lock that readers can take */
#define ALIVE_EVERY 8192 /* records, between two signs of life */
#define VERDICT 64 /* what a child found is its exit status, from here on; below, it died of it */

/* All zeros where it cannot be read. */
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

/* Two boots that we do not know are not the same one. */
static bool is_this_boot(const uint8_t then[16], const uint8_t now[16])
{
	static const uint8_t unknown[16] = { 0 };

	return memcmp(now, unknown, 16) != 0 && memcmp(then, now, 16) == 0;
}

/* --- verifying, in a child --- */

static enum err verify_log(const struct store *s)
{
	return durable_verify(s->site->state_dir, s->site->window.max_size);
}

static enum err try_to_open(void *store)
{
	const struct store *s = store;
	struct table *view = NULL;
	enum err e = table_open(&view, s->site->state_dir, s->site->window.max_size);

	table_close(&view);
	return e;
}

static enum err verify_view(const struct store *s)
{
	struct view_meta meta;
	uint8_t boot_id[16];
	enum err e = table_verify(s->site->state_dir, s->site->window.max_size, &meta);

	if (e != ERR_NONE)
		return e;
	read_boot_id(boot_id);
	if (!meta.clean && !is_this_boot(meta.boot_id, boot_id))
		return ERR_DAMAGED;
	return guard_run_within(LOCKS_MS, try_to_open, (void *)(uintptr_t)s);
}

struct child {
	const struct store *store;
	enum err (*verify)(const struct store *s);
};

/* Within a guard of the child's own: those of its parent lead to where only the parent may go on. */
static enum err run_verify(void *child)
{
	const struct child *c = child;

	return c->verify(c->store);
}

/* Dies of what it meets, without more ado: nobody else has a say in it. It shares our lock, so it does not
 * outlive us either. */
_Noreturn static void be_the_child(const struct store *s, enum err (*verify)(const struct store *s))
{
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(VERDICT + (int)guard_run(run_verify, &(struct child){ s, verify }));
}

/* Showing meanwhile that we live, which a large window's verification would not. */
static bool await(const struct store *s, pid_t child, int *status)
{
	int pause_ms = 1;
	pid_t got;

	while ((got = waitpid(child, status, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
		poll(NULL, 0, pause_ms);
		pause_ms = pause_ms < 50 ? pause_ms * 2 : 50;
		store_alive(s);
	}
	return got == child;
}

/* ERR_NONE, what the child found, or ERR_DAMAGED if it died of it. */
static enum err in_a_child(const struct store *s, enum err (*verify)(const struct store *s))
{
	pid_t child = fork();
	enum err found;
	int status;

	if (child < 0)
		return err_of_errno(errno);
	if (child == 0)
		be_the_child(s, verify);
	if (!await(s, child, &status))
		return ERR_IO;
	if (!WIFEXITED(status) || WEXITSTATUS(status) < VERDICT)
		return ERR_DAMAGED;
	found = (enum err)(WEXITSTATUS(status) - VERDICT);
	return found == ERR_IO ? ERR_DAMAGED : found; /* only reading was asked of the device */
}

/* --- opening the log --- */

static enum err set_log_aside(struct store *s)
{
	struct log_line l;
	char aside[64];
	enum err e = durable_set_aside(s->site->state_dir, clock_ms(), aside, sizeof(aside));

	log_begin(&l, LOG_LEVEL_ERROR, "store.log_damaged");
	log_text(&l, "state_dir", s->site->state_dir);
	log_text(&l, "moved_to", e == ERR_NONE ? aside : NULL);
	log_end(&l);
	return e;
}

static enum err open_log(struct store *s)
{
	enum err e = s->verified ? ERR_NONE : in_a_child(s, verify_log);

	if (e == ERR_DAMAGED)
		e = set_log_aside(s);
	if (e == ERR_NONE)
		e = durable_open(&s->log, s->site->state_dir, s->site->window.max_size);
	return e;
}

/* A log that ends before what the view has seen of it has lost its last pages, or is an old copy. */
static enum err not_behind(struct store *s)
{
	const struct view_meta *m = table_meta(s->view);
	enum err e;

	if (m->origin != durable_origin(s->log) || m->applied <= durable_last(s->log))
		return ERR_NONE;
	durable_close(&s->log);
	e = set_log_aside(s);
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

	if (s->moved++ % ALIVE_EVERY == 0)
		store_alive(s);
	if (r->kind == RECORD_GRANT || r->scope >= SCOPE_KEY)
		masked.key =
			addr_key(r->key, s->site->window.ipv4_prefix, s->site->window.ipv6_prefix);
	return table_apply(s->view, &masked);
}

static enum err append_to_log(void *owner, const struct record *r)
{
	struct store *s = owner;
	struct record copy = *r;

	if (s->moved++ % ALIVE_EVERY == 0)
		store_alive(s);
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

static void doubt_every_no(struct store *s)
{
	int64_t until = clock_ms() + s->site->window.lifetime_ms + s->site->window.slack_ms;

	if (until > s->lost_ms)
		s->lost_ms = until;
}

static enum err make_view(struct store *s, bool was_there)
{
	enum err e = table_make(&s->view, s->site->state_dir, s->site->window.max_size);

	/* A view without a log: somebody took it away. */
	if (was_there && durable_last(s->log) == 0)
		doubt_every_no(s);
	if (e == ERR_NONE)
		e = replay(s, 0);
	if (e == ERR_NONE)
		e = table_publish(s->view, s->site->state_dir);
	if (e == ERR_NONE && (was_there || durable_last(s->log) > 0))
		log_rebuilt(s, "view", "log");
	return e;
}

/* They come in no order, which merging does not mind. */
static enum err apply_salvaged(void *owner, const struct record *r)
{
	if (r->kind == RECORD_GRANT && r->until_ms < clock_ms())
		return ERR_NONE;
	return apply_to_view(owner, r);
}

static enum err fill_view_from_ruins(struct store *s, bool of_the_view)
{
	char path[4300];
	struct log_line l;
	size_t n = 0;
	enum err e = unmark(s);

	if (e == ERR_NONE)
		e = table_begin(s->view);
	if (e == ERR_NONE)
		e = salvage_logs(s->site->state_dir, apply_salvaged, s, &n);
	if (e == ERR_NONE && of_the_view && table_file(s->site->state_dir, path, sizeof(path)))
		(void)!salvage_file(path, apply_salvaged, s, &n);
	if (e == ERR_NONE)
		e = table_commit(s->view);
	else
		table_abort(s->view);
	log_begin(&l, LOG_LEVEL_WARN, "store.salvaged");
	log_int(&l, "records", (int64_t)n);
	log_err(&l, e);
	log_end(&l);
	return e;
}

/* With the log gone. Until the logs that were moved aside are marked, every start does this again. */
static enum err recover(struct store *s, enum err of_view)
{
	bool fresh = of_view != ERR_NONE;
	enum err e = ERR_NONE;

	if (fresh) {
		doubt_every_no(s);
		e = table_make(&s->view, s->site->state_dir, s->site->window.max_size);
	}
	if (e == ERR_NONE)
		e = fill_view_from_ruins(s, of_view == ERR_DAMAGED);
	if (e == ERR_NONE)
		e = fill_log_from_view(s);
	if (e == ERR_NONE && fresh)
		e = table_publish(s->view, s->site->state_dir);
	if (e == ERR_NONE && salvage_done(s->site->state_dir) != ERR_NONE)
		log_say(LOG_LEVEL_WARN, "store.salvaged",
			"cannot mark the damaged log as read; the next start reads it again");
	return e;
}

static enum err open_view(struct store *s)
{
	const struct view_meta *m;
	enum err e = ERR_NONE;

	if (s->condemned)
		e = ERR_DAMAGED;
	else if (!s->verified)
		e = in_a_child(s, verify_view);
	if (e == ERR_NONE)
		e = table_open(&s->view, s->site->state_dir, s->site->window.max_size);
	if (e == ERR_TIMEOUT) {
		store_log_wedged("lock", 1);
		e = ERR_DAMAGED;
	}
	if (e != ERR_NONE)
		return e;
	m = table_meta(s->view);
	if (m->ipv4_prefix == s->site->window.ipv4_prefix &&
		m->ipv6_prefix == s->site->window.ipv6_prefix)
		return ERR_NONE;
	table_close(&s->view);
	return ERR_DAMAGED; /* its keys are not those that are looked for */
}

static enum err bring_together(struct store *s)
{
	enum err of_view = open_view(s), e = of_view == ERR_NONE ? not_behind(s) : ERR_NONE;

	if (e != ERR_NONE)
		return e;
	if (of_view != ERR_NONE && of_view != ERR_DAMAGED && of_view != ERR_ABSENT)
		return of_view;
	if (salvage_waits(s->site->state_dir))
		return recover(s, of_view);
	if (of_view != ERR_NONE)
		return make_view(s, of_view == ERR_DAMAGED);
	if (table_meta(s->view)->origin != durable_origin(s->log))
		return fill_log_from_view(s);
	return replay(s, table_meta(s->view)->applied);
}

static enum err run_bring_together(void *store)
{
	return bring_together(store);
}

/* A view may have passed for whole and still make LMDB give up when it is written to. Then a new one is made, from the
 * log, which is opened anew: the fault came from the midst of reading it. */
static enum err load(struct store *s)
{
	enum err e = open_log(s);

	if (e == ERR_NONE)
		e = work_guarded(s, run_bring_together, s);
	if (!work_wedged(s))
		return e;
	store_log_wedged(table_wedged(s->view), 1);
	durable_close(&s->log);
	table_close(&s->view);
	s->condemned = true;
	e = open_log(s);
	return e == ERR_NONE ? work_guarded(s, run_bring_together, s) : e;
}

enum err store_load(struct store *s)
{
	enum err e = load(s);

	if (e != ERR_NONE) {
		durable_close(&s->log);
		table_close(&s->view);
		return e;
	}
	if (table_meta(s->view)->stamp_ms > s->stamp_ms)
		s->stamp_ms = table_meta(s->view)->stamp_ms;
	s->verified = true;
	s->condemned = false;
	s->stamp_revoked = true; /* it may be a revocation's */
	return ERR_NONE;
}
