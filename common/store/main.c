/* main.c - popgate-store: options, the lock, the user, then one loop. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/heartbeat.h"
#include "common/daemon/privilege.h"
#include "common/daemon/sandbox.h"
#include "common/daemon/ready.h"
#include "common/daemon/steady.h"
#include "common/store/history.h"
#include "common/store/peers.h"
#include "common/store/tally.h"

#define DEFAULT_CONF "/etc/popgate/popgate.conf"
#define EXIT_BUSY 75 /* EX_TEMPFAIL: another store runs on this host */
#define EXIT_CONFIG 78 /* EX_CONFIG */
#define BATCH_MAX 4096
#define TICK_MS 1000
#define LOCK_ATTEMPTS 5
#define LOCK_PAUSE_MS 10
#define HOUSE_TICKS 10 /* every so many: dead readers, interfaces */

static int usage(void)
{
	fprintf(stderr, "usage: popgate-store [-tV] [-c file]\n");
	return 2;
}

static enum err read_conf(const char *path, struct conf **c, struct site *site)
{
	struct buf bytes, complaints;
	enum err e;

	buf_init(&bytes, CONF_FILE_MAX);
	buf_init(&complaints, 1 << 16);
	e = conf_read_file(path, &bytes);
	if (e != ERR_NONE)
		buf_printf(&complaints, "%s: cannot be read: %s\n", path, err_text(e));
	if (e == ERR_NONE)
		e = conf_parse(c, path, buf_str(&bytes), &complaints);
	if (e == ERR_NONE)
		e = site_read(site, *c, &complaints);
	fprintf(stderr, "%.*s", (int)complaints.len, buf_str(&complaints).p);
	buf_free(&bytes);
	buf_free(&complaints);
	return e;
}

/* Mode and owner of a directory that we have just made. What lies in a directory of the store's user can be
 * exchanged by that user before we look again: so no link is followed, and only what is still ours is
 * given away. */
static enum err hand_over(int at, const char *dir, mode_t mode, const struct identity *owner)
{
	int fd = openat(at, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	enum err e = ERR_NONE;

	if (fd < 0)
		return err_of_errno(errno);
	if (fstat(fd, &st) != 0 || st.st_uid != geteuid())
		e = ERR_DENIED;
	else if (fchmod(fd, mode) != 0 ||
		(owner != NULL && fchown(fd, owner->uid, owner->gid) != 0))
		e = err_of_errno(errno);
	close(fd);
	return e;
}

/* Makes dir if it is not there, and gives it to its user. Its parents are the operator's. */
static enum err make_dir(int at, const char *dir, mode_t mode, const struct identity *owner)
{
	/* With more bits systemd's RestrictSUIDSGID refuses it, even where it is there. */
	if (mkdirat(at, dir, mode & 0777) != 0)
		return errno == EEXIST ? ERR_NONE : err_of_errno(errno);
	return hand_over(at, dir, mode, owner);
}

/* pop3d's, in the state directory; SITE_LOST is read there by others. */
static enum err make_locks(const struct site *site, const struct identity *owner)
{
	int state = open(site->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e;

	if (state < 0)
		return err_of_errno(errno);
	e = make_dir(state, SITE_LOCKS, 0711, owner);
	close(state);
	return e;
}

static enum err make_dirs(const struct site *site)
{
	struct identity owner, mail;
	bool given = geteuid() == 0 && site->run_as_store[0] != '\0';
	enum err e = ERR_NONE;

	if (given)
		e = identity_find(site->run_as_store, &owner);
	if (given && e == ERR_NONE && site->run_as_group[0] != '\0')
		e = group_find(site->run_as_group, &owner.gid);
	if (e == ERR_NONE) /* what is made in it belongs to the group, which reads the view */
		e = make_dir(AT_FDCWD, site->state_dir, 02755, given ? &owner : NULL);
	if (e == ERR_NONE)
		e = make_dir(AT_FDCWD, site->run_dir, 0755, given ? &owner : NULL);
	given = given && site->run_as_mail[0] != '\0' &&
		identity_find(site->run_as_mail, &mail) == ERR_NONE;
	return e == ERR_NONE ? make_locks(site, given ? &mail : NULL) : e;
}

/* Who has just made the directory may not have handed it over yet. */
static int open_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);

	for (int attempt = 1; attempt < LOCK_ATTEMPTS && fd < 0 && errno == EACCES; attempt++) {
		poll(NULL, 0, LOCK_PAUSE_MS);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	}
	return fd;
}

/* Held until we end, however we end. A supervisor that looks whether it is held holds it for a moment. */
static enum err take_lock(const struct site *site, int *lock)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", site->state_dir, SITE_STORE_LOCK);
	fd = open_lock(path);
	if (fd < 0)
		return err_of_errno(errno);
	for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			heartbeat_write(fd);
			*lock = fd;
			return ERR_NONE;
		}
		poll(NULL, 0, LOCK_PAUSE_MS);
	}
	close(fd);
	return ERR_BUSY;
}

static int open_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool told_to_end(int signals)
{
	struct signalfd_siginfo info;

	return read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info);
}

static void tick(struct store *s, const struct peers *p, struct tally *t, unsigned count)
{
	store_alive(s);
	store_tick(s);
	tally_tick(t, s, peers_count(p), false);
	log_tick(clock_steady_ms());
	history_tick(s->history);
	if (count % HOUSE_TICKS != 0)
		return;
	never_refresh(s->never);
	if (s->view != NULL && table_check_readers(s->view) > 0)
		log_say(LOG_LEVEL_DEBUG, "store.readers", "slots of dead readers were freed");
}

static void do_batch(
	struct store *s, struct peers *p, struct tally *t, struct pending *batch, size_t n)
{
	int64_t since = clock_steady_ms();

	store_batch(s, batch, n);
	peers_answer(p, batch, n);
	peers_tell(p, batch, n, clock_ms());
	tally_batch(t, batch, n, clock_steady_ms() - since);
}

static void serve(
	struct store *s, struct peers *p, struct tally *t, int signals, struct pending *batch)
{
	int64_t next = clock_steady_ms() + TICK_MS;
	unsigned count = 0;

	while (!told_to_end(signals)) {
		int64_t left = next - clock_steady_ms();
		size_t n = peers_wait(p, signals, left > 0 ? (int)left : 0, batch, BATCH_MAX);

		if (n > 0)
			do_batch(s, p, t, batch, n);
		if (clock_steady_ms() >= next) {
			tick(s, p, t, ++count);
			next = clock_steady_ms() + TICK_MS;
		}
	}
}

/* A question to the history; whoever has it answers it over fd. */
static void pass_question(void *owner, const struct request *r, int fd)
{
	const struct store *s = owner;

	history_question(s->history, r, fd);
}

/* The historian is started anew when it dies: this very program, with its libraries. */
static enum err confine(const struct site *site)
{
	struct sandbox s;

	sandbox_init(&s, site, "store",
		SANDBOX_ACCEPTS | SANDBOX_FILES | SANDBOX_INTERFACES |
			(site->history.keep_ms > 0 ? SANDBOX_FORKS | SANDBOX_STARTS
						   : SANDBOX_FORKS));
	sandbox_place(&s, site->state_dir, SANDBOX_OWN);
	sandbox_place(&s, site->run_dir, SANDBOX_OWN);
	sandbox_place(&s, "/proc/sys/kernel/random/boot_id", SANDBOX_READ);
	if (site->history.keep_ms > 0)
		sandbox_program(&s);
	return sandbox_enter(&s);
}

static int run(struct conf *c, const struct site *site, const char *conf_path, int lock)
{
	struct pending *batch = calloc(BATCH_MAX, sizeof(*batch));
	struct store s = { 0 };
	struct peers *p = NULL;
	struct tally *t = NULL;
	int signals = open_signals();
	enum err e = batch != NULL && signals >= 0 ? store_open(&s, site, c, lock) : ERR_NOMEM;

	if (e == ERR_NONE)
		e = peers_open(&p, site, pass_question, &s);
	if (e == ERR_NONE)
		e = tally_open(&t, site, conf_path);
	if (e == ERR_NONE)
		e = confine(site);
	if (e == ERR_NONE) {
		log_say(LOG_LEVEL_INFO, "store.started", "the window is in %s", site->state_dir);
		ready_say("READY=1");
		serve(&s, p, t, signals, batch);
		ready_say("STOPPING=1");
		tally_tick(t, &s, peers_count(p), true);
		log_say(LOG_LEVEL_INFO, "store.stopped", "told to end");
	} else {
		log_say(LOG_LEVEL_ERROR, "store.failed", "cannot start: %s", err_text(e));
	}
	tally_close(&t);
	peers_close(&p);
	store_close(&s);
	free(batch);
	if (signals >= 0)
		close(signals);
	return e == ERR_NONE ? 0 : 1;
}

/* For the daemons, which may not write in our directory: it is theirs to complain if there is none. */
static void make_salts(const struct site *site)
{
	char key[STEADY_KEY];

	(void)!steady_key(site->state_dir, key);
	explicit_bzero(key, sizeof(key));
}

static int start(struct conf *c, const struct site *site, const char *conf_path)
{
	int lock = -1;
	enum err e;

	umask(0027);
	site_open_log(site, "popgate-store");
	e = make_dirs(site);
	if (e == ERR_NONE)
		e = privilege_drop(site->run_as_store, site->run_as_group);
	if (e == ERR_NONE)
		e = take_lock(site, &lock);
	if (e == ERR_NONE)
		make_salts(site);
	if (e == ERR_BUSY) {
		log_say(LOG_LEVEL_INFO, "store.busy", "another store runs in %s", site->state_dir);
		return EXIT_BUSY;
	}
	if (e != ERR_NONE) {
		log_say(LOG_LEVEL_ERROR, "store.failed", "cannot start in %s as \"%s\": %s",
			site->state_dir, site->run_as_store, err_text(e));
		return e == ERR_ABSENT ? EXIT_CONFIG : 1;
	}
	return run(c, site, conf_path, lock);
}

int main(int argc, char **argv)
{
	const char *path = DEFAULT_CONF;
	struct conf *c = NULL;
	struct site site;
	bool test = false;
	int option, code = EXIT_CONFIG;

	log_keep_fds();
	if (argc == 3 && strcmp(argv[1], "--history") == 0) /* by the store itself: history.c */
		return historian(atoi(argv[2]));
	while ((option = getopt(argc, argv, "c:tV")) != -1) {
		switch (option) {
		case 'c': path = optarg; break;
		case 't': test = true; break;
		case 'V': printf("popgate-store %s\n", POPGATE_VERSION); return 0;
		default: return usage();
		}
	}
	if (optind != argc)
		return usage();
	if (read_conf(path, &c, &site) == ERR_NONE) {
		if (test)
			printf("popgate-store: %s is fine\n", path);
		code = test ? 0 : start(c, &site, path);
	}
	conf_close(&c);
	return code;
}
