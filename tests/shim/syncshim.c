/* syncshim.c - preloaded by tests: what a disk does between write(2) and fsync(2), made visible.
 *
 * kill -9 proves nothing about syncing, because the page cache survives it. This library wraps the
 * calls that make data durable and, for files whose path contains a word of SYNCSHIM_MATCH (words
 * apart by ':'),
 *   - does what the file SYNCSHIM_CONTROL says at that moment: "delay=MS" waits before each sync,
 *     "sync=ERRNO" fails syncs, "write=ERRNO" fails writes; several with spaces between;
 *   - appends to the file SYNCSHIM_JOURNAL what is durable after each call that succeeded: a whole
 *     copy of the file for fsync(2), fdatasync(2), msync(2), the octets written for a write to a
 *     descriptor with O_DSYNC (so LMDB writes its meta pages), and renames.
 * Both files are opened once, when the process starts: later its sandbox would not let it. So orders are written
 * into the file and not beside it.
 * From the journal tests/system/journal.py rebuilds what a power cut at any point would have left if
 * every octet that was not synced were lost. A record is one write(2) with O_APPEND, so those of
 * several processes never mix:
 *   struct record, path, data
 * Times are CLOCK_MONOTONIC nanoseconds, taken when the call had returned. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0x4e59534du
#define PATH_LONGEST 4096
#define HIGH 900

static int control_fd = -1, journal_fd = -1;

struct record {
	uint32_t magic;
	char kind; /* S: the whole file was synced; W: octets at offset; D: a directory; R: rename */
	char pad[3];
	int64_t time_ns;
	uint64_t offset;
	uint64_t path_len;
	uint64_t data_len; /* R: the new path */
};

struct orders {
	long delay_ms;
	int sync_error, write_error;
};

int fsync(int fd);
int fdatasync(int fd);

/* The next definition of a name, which is libc's. dlsym(3): C knows no cast from one pointer kind to
 * the other, POSIX promises that the octets are the same. */
static void (*libc(const char *name))(void)
{
	void *found = dlsym(RTLD_NEXT, name);
	void (*function)(void);

	if (found == NULL)
		abort();
	memcpy(&function, &found, sizeof(function));
	return function;
}

static bool matches(const char *path)
{
	const char *words = getenv("SYNCSHIM_MATCH");
	char copy[PATH_LONGEST], *rest = copy, *word;

	if (words == NULL || strlen(words) >= sizeof(copy))
		return false;
	strcpy(copy, words);
	while ((word = strsep(&rest, ":")) != NULL)
		if (*word != '\0' && strstr(path, word) != NULL)
			return true;
	return false;
}

/* Is fd a file we watch? Its path is put into path, of PATH_LONGEST octets. */
static bool watched(int fd, char *path)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_LONGEST - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	return matches(path);
}

/* Under numbers that nobody else counts on. */
static int open_high(const char *variable, int flags)
{
	const char *path = getenv(variable);
	int fd = path != NULL ? open(path, flags | O_CLOEXEC, 0600) : -1, high;

	if (fd < 0)
		return -1;
	high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
	close(fd);
	return high;
}

__attribute__((constructor)) static void open_both(void)
{
	control_fd = open_high("SYNCSHIM_CONTROL", O_RDONLY);
	journal_fd = open_high("SYNCSHIM_JOURNAL", O_WRONLY | O_APPEND | O_CREAT);
}

static struct orders orders(void)
{
	struct orders o = { 0 };
	char text[256], *at;
	ssize_t n = pread(control_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if ((at = strstr(text, "delay=")) != NULL)
		o.delay_ms = atol(at + 6);
	if ((at = strstr(text, "sync=")) != NULL)
		o.sync_error = atoi(at + 5);
	if ((at = strstr(text, "write=")) != NULL)
		o.write_error = atoi(at + 6);
	return o;
}

static void wait_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (ms > 0 && nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

static void note(char kind, const char *path, uint64_t offset, const void *data, size_t n)
{
	struct record r = { .magic = MAGIC, .kind = kind, .offset = offset };
	struct iovec parts[3] = { { &r, sizeof(r) }, { (void *)(uintptr_t)path, strlen(path) },
		{ (void *)(uintptr_t)data, n } };
	struct timespec now;
	int saved = errno;

	if (getenv("SYNCSHIM_JOURNAL") == NULL)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	r.time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	r.path_len = parts[1].iov_len;
	r.data_len = n;
	if (writev(journal_fd, parts, 3) != (ssize_t)(sizeof(r) + r.path_len + n))
		abort(); /* a journal with a hole would prove anything */
	errno = saved;
}

/* The file as it is now, which is at least what the sync that follows makes durable. */
static void *copy_of(const char *path, size_t *n)
{
	struct stat st;
	void *copy = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*n = 0;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		copy = malloc((size_t)st.st_size);
		if (copy == NULL || pread(fd, copy, (size_t)st.st_size, 0) != st.st_size)
			abort();
		*n = (size_t)st.st_size;
	}
	if (fd >= 0)
		close(fd);
	return copy;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int synced(int fd, int (*real)(int))
{
	char path[PATH_LONGEST];
	struct orders o;
	size_t n;
	void *copy;
	int result;

	if (!watched(fd, path))
		return real(fd);
	o = orders();
	wait_ms(o.delay_ms);
	if (o.sync_error != 0) {
		errno = o.sync_error;
		return -1;
	}
	copy = copy_of(path, &n);
	result = real(fd);
	if (result == 0)
		note(is_directory(path) ? 'D' : 'S', path, 0, copy, n);
	free(copy);
	return result;
}

int fsync(int fd)
{
	return synced(fd, (int (*)(int))libc("fsync"));
}

int fdatasync(int fd)
{
	return synced(fd, (int (*)(int))libc("fdatasync"));
}

/* A mapping has no descriptor; nothing of ours writes through one, and a call would say so. */
int msync(void *addr, size_t length, int flags)
{
	int (*real)(void *, size_t, int) = (int (*)(void *, size_t, int))libc("msync");

	note('M', "msync", 0, "", 0);
	return real(addr, length, flags);
}

static bool is_dsync(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_DSYNC) != 0;
}

/* Before a write: true if it is to fail, with errno set. A write with O_DSYNC is a sync as well. */
static bool refuse_write(int fd, char *path, bool *watch)
{
	struct orders o;

	*watch = watched(fd, path);
	if (!*watch)
		return false;
	o = orders();
	if (is_dsync(fd)) {
		wait_ms(o.delay_ms);
		o.write_error = o.write_error != 0 ? o.write_error : o.sync_error;
	}
	errno = o.write_error;
	return o.write_error != 0;
}

static ssize_t written(int fd, const void *data, size_t n, off_t at)
{
	ssize_t (*real)(int, const void *, size_t, off_t) =
		(ssize_t(*)(int, const void *, size_t, off_t))libc("pwrite64");
	char path[PATH_LONGEST];
	bool watch;
	ssize_t done;

	if (refuse_write(fd, path, &watch))
		return -1;
	done = real(fd, data, n, at);
	if (watch && done > 0 && is_dsync(fd))
		note('W', path, (uint64_t)at, data, (size_t)done);
	return done;
}

static ssize_t written_parts(int fd, const struct iovec *parts, int count, off_t at)
{
	ssize_t (*real)(int, const struct iovec *, int, off_t) =
		(ssize_t(*)(int, const struct iovec *, int, off_t))libc("pwritev64");
	char path[PATH_LONGEST];
	bool watch;

	if (refuse_write(fd, path, &watch))
		return -1;
	if (watch && is_dsync(fd))
		abort(); /* LMDB writes its meta pages with pwrite(2) only */
	return real(fd, parts, count, at);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
	return written(fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t at)
{
	return written(fd, data, n, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	return written_parts(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at)
{
	return written_parts(fd, parts, count, at);
}

/* Plain writes of a new file, and LMDB's of a whole batch: only refused, never durable. */
ssize_t write(int fd, const void *data, size_t n)
{
	ssize_t (*real)(int, const void *, size_t) =
		(ssize_t(*)(int, const void *, size_t))libc("write");
	char path[PATH_LONGEST];
	bool watch;

	return refuse_write(fd, path, &watch) ? -1 : real(fd, data, n);
}

int rename(const char *from, const char *to)
{
	int (*real)(const char *, const char *) =
		(int (*)(const char *, const char *))libc("rename");
	int result = real(from, to);

	if (result == 0 && (matches(from) || matches(to)))
		note('R', from, 0, to, strlen(to));
	return result;
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	int (*real)(int, const char *, int, const char *, unsigned) =
		(int (*)(int, const char *, int, const char *, unsigned))libc("renameat2");
	char from_dir[PATH_LONGEST], to_dir[PATH_LONGEST], whole[2][2 * PATH_LONGEST];
	bool watch = watched(from_fd, from_dir) | watched(to_fd, to_dir);
	int result = real(from_fd, from, to_fd, to, flags);

	if (result == 0 && watch) {
		snprintf(whole[0], sizeof(whole[0]), "%s/%s", from_dir, from);
		snprintf(whole[1], sizeof(whole[1]), "%s/%s", to_dir, to);
		note('R', whole[0], 0, whole[1], strlen(whole[1]));
	}
	return result;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat2(from_fd, from, to_fd, to, 0);
}
