/* sandbox.c - see sandbox.h. The order matters: seccomp comes last, because it closes Landlock's calls, too. */
#include "common/daemon/sandbox_private.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

void sandbox_hide(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void sandbox_init(struct sandbox *s, const struct site *site, const char *role, unsigned needs)
{
	s->mode = site->sandbox;
	s->role = role;
	s->needs = needs;
	s->quiet = false;
	s->places_n = s->ports_n = 0;
	sandbox_place(s, "/etc/localtime", SANDBOX_READ);
	sandbox_place(s, "/usr/share/zoneinfo", SANDBOX_READ);
	if (!SANITISED)
		return;
	sandbox_place(s, "/proc", SANDBOX_READ);
	sandbox_place(s, "/sys/devices/system/cpu", SANDBOX_READ);
	sandbox_place(s, "/usr", SANDBOX_RUN);
	sandbox_file(s, "/proc/self/exe");
}

void sandbox_place(struct sandbox *s, const char *path, enum sandbox_may may)
{
	struct sandbox_place *p = &s->places[s->places_n];

	if (s->places_n == SANDBOX_PLACES_MAX ||
		!str_to_cstr(str_of(path), p->path, sizeof(p->path)))
		return;
	p->may = may;
	s->places_n++;
}

static void place_of(struct sandbox *s, const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[sizeof(s->places[0].path)];

	if (slash == NULL)
		return;
	snprintf(directory, sizeof(directory), "%.*s", slash == path ? 1 : (int)(slash - path),
		path);
	sandbox_place(s, directory, SANDBOX_READ);
}

void sandbox_file(struct sandbox *s, const char *path)
{
	char *real = realpath(path, NULL);

	place_of(s, path);
	if (real != NULL && strcmp(real, path) != 0)
		place_of(s, real);
	free(real);
}

void sandbox_program(struct sandbox *s)
{
	sandbox_place(s, "/proc/self/exe", SANDBOX_RUN); /* leads to the file */
	sandbox_place(s, "/usr/lib", SANDBOX_RUN);
	sandbox_place(s, "/etc/ld.so.cache", SANDBOX_READ);
	sandbox_place(s, "/proc/self/task", SANDBOX_READ);
}

void sandbox_port(struct sandbox *s, uint16_t port)
{
	if (port != 0 && s->ports_n < SANDBOX_PORTS_MAX)
		s->ports[s->ports_n++] = port;
}

/* A thread that runs already would go on without. Its directory has "." and ".." and one for each thread. */
static bool alone(void)
{
	struct stat st;

	return stat("/proc/self/task", &st) != 0 || st.st_nlink == 3;
}

/* pthread_exit(3), which libargon2's threads end by, loads this library when it is first called; later that
 * could not be done any more, and would end us. */
static void load_late_libraries(void)
{
	(void)!dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_NODELETE);
}

static void say_on(const struct sandbox *s, int abi, bool seccomp)
{
	struct log_line l;

	log_begin(&l, s->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "sandbox.on");
	log_text(&l, "role", s->role);
	log_int(&l, "landlock", abi);
	log_bool(&l, "seccomp", seccomp);
	log_bool(&l, "strict", s->mode == SITE_SANDBOX_STRICT);
	log_end(&l);
}

static void say_lacking(const struct sandbox *s, const char *part, enum err e)
{
	struct log_line l;

	log_begin(&l, s->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "sandbox.lacking");
	log_text(&l, "role", s->role);
	log_text(&l, "part", part);
	if (e != ERR_NONE)
		log_err(&l, e);
	log_end(&l);
}

static enum err stay_out(const struct sandbox *s)
{
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	log_say(s->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "sandbox.off",
		"%s runs without a sandbox, as the config wants", s->role);
	return ERR_NONE;
}

enum err sandbox_enter(const struct sandbox *s)
{
	int abi;
	enum err of_landlock, of_seccomp;

	if (s->mode == SITE_SANDBOX_OFF)
		return stay_out(s);
	if (!alone())
		return ERR_BUSY;
	sandbox_hide();
	load_late_libraries();
	of_landlock = landlock_enter(s, &abi);
	if (abi == 0)
		say_lacking(s, "landlock", of_landlock);
	of_seccomp = seccomp_enter(s);
	if (of_seccomp != ERR_NONE)
		say_lacking(s, "seccomp", of_seccomp);
	say_on(s, abi, of_seccomp == ERR_NONE);
	if (s->mode == SITE_SANDBOX_STRICT && (of_landlock != ERR_NONE || of_seccomp != ERR_NONE))
		return ERR_DENIED;
	return ERR_NONE;
}
