/* shared.c - the memory, pipes and pairs that all children have in common: made once, and taken over from the
 * program that we were before an upgrade where the two agree on what lies in it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/secret.h"
#include "common/daemon/limits.h"
#include "common/daemon/privilege.h"
#include "common/daemon/steady.h"
#include "common/daemon/supervisor.h"

/* --- signals --- */

static enum err block_signals(struct supervisor *s)
{
	static const int wanted[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&set, wanted[i]);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals >= 0 ? ERR_NONE : err_of_errno(errno);
}

/* --- taking over --- */

static void take_counters(struct supervisor *s, int fd)
{
	if (counters_adopt(&s->counters, s->program->counters, fd) != ERR_NONE)
		return;
	s->counters_fd = fd;
	s->published = true;
}

static void take_clients(struct supervisor *s, int fd)
{
	if (clients_map(&s->clients, fd, SEATS - 1) == ERR_NONE) /* has it as many regions? */
		s->clients_fd = fd;
}

static void take_verified(struct supervisor *s, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size == KIT_VERIFIED)
		s->verified_fd = fd;
}

static void close_unless(int fd, int kept)
{
	if (fd >= 0 && fd != kept)
		close(fd);
}

static void take_memory(struct supervisor *s, const struct handon *from)
{
	if (from->layout == HANDON_LAYOUT) {
		if (from->counters >= 0)
			take_counters(s, from->counters);
		if (from->clients >= 0)
			take_clients(s, from->clients);
		if (from->verified >= 0)
			take_verified(s, from->verified);
	}
	close_unless(from->counters, s->counters_fd);
	close_unless(from->clients, s->clients_fd);
	close_unless(from->verified, s->verified_fd);
}

/* The children that go on see the end of that pipe as ours, whatever else we agree on. */
static void take_pairs(struct supervisor *s, const struct handon *from)
{
	memcpy(s->alive, from->alive, sizeof(s->alive));
	memcpy(s->deliver, from->deliver, sizeof(s->deliver));
}

/* Its memory is sealed against writing, so that only the keys in it can be taken over. */
static enum err make_tickets(struct supervisor *s, const struct handon *from)
{
	enum err e = tickets_make(&s->tickets, &s->tickets_fd);

	if (from == NULL || from->tickets < 0)
		return e;
	if (e == ERR_NONE && from->layout == HANDON_LAYOUT)
		tickets_inherit(s->tickets, from->tickets);
	close(from->tickets);
	return e;
}

/* --- making --- */

/* For accounts, to be the same for all workers until we end. */
static enum err make_verified(struct supervisor *s)
{
	char key[KIT_KEY];
	int memory = memfd_create("popgate-verified", MFD_CLOEXEC);
	enum err e = ERR_NONE;

	secret_random(key, sizeof(key));
	if (memory < 0 || ftruncate(memory, KIT_VERIFIED) != 0 ||
		pwrite(memory, key, sizeof(key), 0) != (ssize_t)sizeof(key))
		e = err_of_errno(errno);
	explicit_bzero(key, sizeof(key));
	if (e == ERR_NONE)
		s->verified_fd = memory;
	else if (memory >= 0)
		close(memory);
	return e;
}

static enum err make_memory(struct supervisor *s)
{
	enum err e = ERR_NONE;

	if (s->counters == NULL)
		e = counters_make(&s->counters, s->program->counters, &s->counters_fd);
	if (e == ERR_NONE && s->clients == NULL)
		e = clients_make(&s->clients, SEATS, CLIENTS_PER_PROCESS, &s->clients_fd);
	if (e == ERR_NONE && s->verified_fd < 0)
		e = make_verified(s);
	return e;
}

static enum err make_pairs(struct supervisor *s)
{
	if (s->alive[1] < 0 && pipe2(s->alive, O_CLOEXEC) != 0)
		return err_of_errno(errno);
	if (s->deliver[1] < 0 &&
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s->deliver) !=
			0)
		return err_of_errno(errno);
	return ERR_NONE;
}

enum err shared_make(struct supervisor *s, const struct handon *from)
{
	enum err e = block_signals(s);

	if (e == ERR_NONE && from != NULL) {
		take_memory(s, from);
		take_pairs(s, from);
	}
	if (e == ERR_NONE)
		e = make_memory(s);
	if (e == ERR_NONE)
		e = make_tickets(s, from);
	return e == ERR_NONE ? make_pairs(s) : e;
}

void shared_free(struct supervisor *s)
{
	const int fds[] = { s->signals, s->counters_fd, s->clients_fd, s->tickets_fd,
		s->verified_fd, s->alive[0], s->alive[1], s->deliver[0], s->deliver[1], s->exe_fd };

	counters_close(&s->counters);
	clients_close(&s->clients);
	tickets_close(&s->tickets);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	sockets_close(&s->sockets, NULL);
	for (size_t i = 0; i < s->passed.n; i++)
		close(s->passed.sockets[i].fd);
	setup_free(&s->setup);
}

/* --- what needs the store's directories --- */

/* Without a steady key of the host's, salts are steady until we end, which is worth a word and no more. */
static void put_steady(struct supervisor *s)
{
	char key[STEADY_KEY];
	enum err e = steady_key(s->setup.site.state_dir, key);

	if (e == ERR_NONE &&
		pwrite(s->verified_fd, key, sizeof(key), KIT_STEADY) != (ssize_t)sizeof(key))
		e = err_of_errno(errno);
	explicit_bzero(key, sizeof(key));
	if (e != ERR_NONE)
		log_say(LOG_LEVEL_WARN, "salts.random",
			"%s/" STEADY_FILE ": %s; salts will change at the next start",
			s->setup.site.state_dir, err_text(e));
}

static void publish_counters(struct supervisor *s)
{
	gid_t group = (gid_t)-1;
	enum err e = ERR_NONE;

	if (s->setup.site.run_as_group[0] != '\0')
		e = group_find(s->setup.site.run_as_group, &group);
	if (e == ERR_NONE)
		e = counters_publish(s->counters, s->setup.site.run_dir, s->program->name, group,
			&s->counters_fd);
	if (e == ERR_DENIED && geteuid() != 0) /* the group is not ours to give it to */
		e = counters_publish(s->counters, s->setup.site.run_dir, s->program->name,
			(gid_t)-1, &s->counters_fd);
	s->published = e == ERR_NONE;
	if (e != ERR_NONE)
		log_say(LOG_LEVEL_WARN, "counters.hidden", "popgate stats will not see them: %s",
			err_text(e));
}

void shared_publish(struct supervisor *s)
{
	put_steady(s);
	if (!s->published)
		publish_counters(s);
}
