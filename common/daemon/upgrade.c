/* upgrade.c - SIGUSR2: the program that lies at our path now becomes the supervisor. It is the same process, so
 * its children stay its children and the service manager sees no change; the listening sockets stay open, and workers
 * of the old program go on with their sessions as after a reload. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/ready.h"
#include "common/daemon/supervisor.h"

#define TRIAL_MS 10000
#define TRIAL_PAUSE_MS 5
#define SAID_MAX 4096

/* --- what it is left --- */

static void list_sockets(struct handon *h, const struct supervisor *s)
{
	for (size_t i = 0; i < s->passed.n; i++)
		h->passed[h->passed_n++] = s->passed.sockets[i].fd;
	for (size_t i = 0; i < s->sockets.n; i++)
		for (unsigned k = 0; k < s->sockets.at[i].n && !s->sockets.at[i].passed; k++)
			h->own[h->own_n++] = s->sockets.at[i].fd[k];
}

static void list_children(struct handon *h, const struct supervisor *s)
{
	for (unsigned seat = 0; seat < SEATS; seat++) {
		const struct child *c = &s->seats[seat];
		struct handon_child *to = &h->children[h->children_n];

		if (c->pid == 0)
			continue;
		*to = (struct handon_child){ .pid = c->pid,
			.slot = c->slot,
			.generation = c->generation,
			.seat = seat,
			.told = c->told };
		snprintf(to->role, sizeof(to->role), "%s", c->role->name);
		h->children_n++;
	}
}

static struct handon *list_all(const struct supervisor *s)
{
	struct handon *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->layout = HANDON_LAYOUT;
	h->generation = s->generation;
	h->counters = s->counters_fd;
	h->clients = s->clients_fd;
	h->tickets = s->tickets_fd;
	h->verified = s->verified_fd;
	for (int i = 0; i < 2; i++) {
		h->alive[i] = s->alive[i];
		h->deliver[i] = s->deliver[i];
	}
	list_sockets(h, s);
	list_children(h, s);
	return h;
}

/* Whether the descriptors live through exec(). */
static void keep_open(const struct handon *h, bool keep)
{
	const int fds[] = { h->counters, h->clients, h->tickets, h->verified, h->alive[0],
		h->alive[1], h->deliver[0], h->deliver[1] };
	int flag = keep ? 0 : FD_CLOEXEC;

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			fcntl(fds[i], F_SETFD, flag);
	for (size_t i = 0; i < h->own_n; i++)
		fcntl(h->own[i], F_SETFD, flag);
	for (size_t i = 0; i < h->passed_n; i++)
		fcntl(h->passed[i], F_SETFD, flag);
}

/* To the program that we start next; unsetenv() and keep_open() take it back. */
static enum err leave(const struct handon *h)
{
	struct buf words;
	enum err e = ERR_NOMEM;

	buf_init(&words, HANDON_WORDS_MAX);
	handon_write(h, &words);
	buf_add(&words, (struct str){ "", 1 });
	if (!words.broken && setenv(HANDON_ENVIRONMENT, buf_str(&words).p, 1) == 0) {
		keep_open(h, true);
		e = ERR_NONE;
	}
	buf_free(&words);
	return e;
}

/* --- is it any good? --- */

/* It has what it would be left, so that it can say whether it could go on with that: listen, above all. */
_Noreturn static void run_trial(const struct supervisor *s, const struct handon *h, int said)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)!leave(h);
	dup2(said, STDOUT_FILENO);
	dup2(said, STDERR_FILENO);
	execl(s->exe, s->exe, "-t", "-c", s->conf_path, (char *)NULL);
	fprintf(stderr, "%s: cannot be run: %s\n", s->exe, err_text(err_of_errno(errno)));
	fflush(stderr);
	_exit(127);
}

/* True: it has ended, and well. */
static bool ended_well(pid_t trial)
{
	int64_t until = clock_steady_ms() + TRIAL_MS;
	int status = 0;
	pid_t ended;

	while ((ended = waitpid(trial, &status, WNOHANG)) == 0 && clock_steady_ms() < until)
		poll(NULL, 0, TRIAL_PAUSE_MS);
	if (ended == 0) {
		kill(trial, SIGKILL);
		(void)!waitpid(trial, NULL, 0);
	}
	return ended == trial && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void log_refused(int said)
{
	char text[SAID_MAX];
	ssize_t n = pread(said, text, sizeof(text), 0);
	struct str rest = { text, n > 0 ? (size_t)n : 0 }, line;

	do {
		struct log_line l;

		(void)str_split(rest, '\n', &line, &rest);
		log_begin(&l, LOG_LEVEL_ERROR, "upgrade.refused");
		log_str(&l, "msg",
			line.n > 0 ? line : STR("it did not end, or ended without a word"));
		log_end(&l);
	} while (rest.n > 0);
}

static bool is_good(const struct supervisor *s, const struct handon *h)
{
	int said = memfd_create("popgate-trial", MFD_CLOEXEC);
	pid_t trial = said >= 0 ? fork() : -1;
	bool good;

	if (trial == 0)
		run_trial(s, h, said);
	good = trial > 0 && ended_well(trial);
	if (!good)
		log_refused(said);
	if (said >= 0)
		close(said);
	return good;
}

/* Returns only on failure, with everything as it was. */
static enum err become(const struct supervisor *s, const struct handon *h)
{
	enum err e = leave(h);

	if (e != ERR_NONE)
		return e;
	log_flush();
	execv(s->exe, s->argv);
	e = err_of_errno(errno);
	keep_open(h, false);
	unsetenv(HANDON_ENVIRONMENT);
	return e;
}

void upgrade_try(struct supervisor *s)
{
	struct handon *h = list_all(s);

	ready_say("RELOADING=1");
	log_say(LOG_LEVEL_INFO, "upgrade.tried", "%s %s gives way to what lies at %s",
		s->program->name, POPGATE_VERSION, s->exe);
	if (h == NULL || is_good(s, h))
		log_say(LOG_LEVEL_ERROR, "upgrade.refused", "%s cannot be run: %s", s->exe,
			err_text(h != NULL ? become(s, h) : ERR_NOMEM));
	free(h);
	ready_say("READY=1");
}
