/* counters.h - numbers that all processes of a program count, in shared memory: one writer a slot,
 * readers add the slots up and never block. The names are the program's own, a table by index.
 *
 * Published, they are a file run_dir/PROGRAM/counters that the command line can read while the program
 * runs, with who its processes are. Whoever published it holds a lock on it (fcntl(2), whole file) for its
 * life, so the file of a dead program is known as such. */
#ifndef POPGATE_COUNTERS_H
#define POPGATE_COUNTERS_H

#include "common/base/log.h"

#include <sys/types.h>

#define COUNTERS_MAX 128 /* numbers in a table */
#define COUNTERS_SLOTS 256 /* processes at a time, all generations together */
#define COUNTERS_NAME 64 /* octets of a name, and of a key, with the NUL */
#define COUNTERS_HELP 96 /* of a help text */
#define COUNTERS_ROLE 16 /* of a role's name */

struct counters;

/* What a number means, as log and popgate(8) print it: "pop3_logins". "smtp_refusals{reason=no-proof}" is
 * one of a family that differs by that label. Of a histogram there are the buckets
 * ("pop3_ack_seconds{le=0.005}", each with what is in no bucket before it, up to le=+Inf), and the sum of all
 * in ms ("pop3_ack_seconds{sum}"). */
struct counter_name {
	const char *name;
	const char *help; /* one sentence for people; the same within a family */
	bool gauge; /* it goes up and down (connections open now); a dead process's share is dropped */
};

/* The rows of a histogram of times; counters_time() adds to it, given the index of the first. */
#define COUNTERS_TIMES 12
/* clang-format off */
#define COUNTERS_TIME_ROWS(name, help) \
	{ name "{le=0.001}", help, false }, { name "{le=0.002}", help, false }, \
	{ name "{le=0.005}", help, false }, { name "{le=0.01}",  help, false }, \
	{ name "{le=0.02}",  help, false }, { name "{le=0.05}",  help, false }, \
	{ name "{le=0.1}",   help, false }, { name "{le=0.2}",   help, false }, \
	{ name "{le=0.5}",   help, false }, { name "{le=1}",     help, false }, \
	{ name "{le=+Inf}",  help, false }, { name "{sum}",      help, false }
/* clang-format on */

/* Makes the memory; *fd is the caller's to pass on and to close. names ends in a NULL name and is
 * borrowed for ever. */
MUST_USE enum err counters_make(struct counters **out, const struct counter_name *names, int *fd);

/* Goes on with memory that another program, perhaps of another version, made at fd, which stays the caller's.
 * ERR_DAMAGED: its names or its layout are not ours. */
MUST_USE enum err counters_adopt(struct counters **out, const struct counter_name *names, int fd);

/* Moves it into run_dir/PROGRAM/counters, in place of what is there, for group to read ((gid_t)-1: for
 * nobody else), and exchanges *fd: before anybody else has mapped it. The directory is made if it is missing, and
 * has to be our own. On failure all is as it was. */
MUST_USE enum err counters_publish(
	struct counters *c, const char *run_dir, const char *program, gid_t group, int *fd);

/* Maps what counters_make() made, to write in slot. */
MUST_USE enum err counters_map(
	struct counters **out, const struct counter_name *names, int fd, unsigned slot);
void counters_close(struct counters **c);

/* Adds n (it may be negative for a gauge) to number i of the own slot. */
void counters_add(struct counters *c, unsigned i, int64_t n);

/* Adds 1 to that one of a family (its rows begin at number first) whose label has that value; to its last, which
 * is the rest ("other"), if none has. */
void counters_add_labelled(struct counters *c, unsigned first, const char *value);

/* Sets number i of the own slot: of a gauge that is known whole. */
void counters_set(struct counters *c, unsigned i, int64_t n);

/* Adds a time to the histogram whose rows begin at number first. */
void counters_time(struct counters *c, unsigned first, int64_t ms);

/* The sum over all slots. */
int64_t counters_sum(const struct counters *c, unsigned i);

/* Each number as a key of a log line, histograms left out. */
void counters_log(const struct counters *c, struct log_line *l);

/* "smtp_refusals{reason=no-proof}" -> "smtp_refusals_no_proof". dst has COUNTERS_NAME octets. Returns dst. */
char *counters_key(const char *name, char *dst);

/* A process of that slot died: its gauges are zero, its counts stay. */
void counters_bury(struct counters *c, unsigned slot);

/* --- who the processes are, said by the one that published --- */

struct counters_seat {
	pid_t pid;
	char role[COUNTERS_ROLE];
	unsigned slot, generation;
	int64_t since_ms; /* since 1970 */
	bool draining; /* told to end: its sessions go on, nobody new is let in */
};
void counters_seat(struct counters *c, unsigned slot, const struct counters_seat *who);
void counters_draining(struct counters *c, unsigned slot);

/* A process's own sign of life, and when that of a slot was given; steady clock, 0: none yet. */
void counters_beat(struct counters *c, int64_t steady_ms);
int64_t counters_last_beat(const struct counters *c, unsigned slot);

/* The config in use, and from when on. */
void counters_loaded(
	struct counters *c, const char *conf_path, unsigned generation, int64_t now_ms);

/* --- reading what another process published --- */

struct counters_seen {
	char program[COUNTERS_ROLE], version[COUNTERS_ROLE];
	bool alive; /* it runs; if not, the rest is what it left */
	pid_t pid;
	int64_t since_ms; /* since 1970 */
	char conf_path[1024];
	unsigned generation;
	int64_t loaded_ms;
	size_t n;
	struct counter_seen {
		char name[COUNTERS_NAME], help[COUNTERS_HELP];
		bool gauge;
		int64_t value;
	} at[COUNTERS_MAX];
	size_t seats_n;
	struct counters_seat seats[COUNTERS_SLOTS];
};

/* ERR_ABSENT: it never ran there; ERR_DENIED; ERR_DAMAGED: that is no such file, or another version's.
 * Texts are whatever stands there, with a NUL. *out is the caller's to free(). */
MUST_USE enum err counters_read(
	struct counters_seen **out, const char *run_dir, const char *program);

#endif
