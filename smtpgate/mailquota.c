/* mailquota.c - see mailquota.h. Others add lines at the same time, so a quota can be passed by what is
 * under way at that moment, as with everybody who keeps this file. */
#include "smtpgate/mailquota.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/sid.h"

#define FILE_NAME "maildirsize"
#define LONG_FILE 5120 /* octets: one that is longer is summed up anew */
#define FRESH_S (15 * 60) /* a sum that is younger is believed */
#define NUMBER_MAX (UINT64_C(1) << 62)

/* --- what the file says --- */

static bool read_limit(struct str s, struct mailquota *q)
{
	char unit = s.n > 0 ? s.p[s.n - 1] : '\0';
	uint64_t number;

	if (unit < 'A' || unit > 'Z' || !str_to_u64(str_first(s, s.n - 1), UINT64_MAX, &number))
		return false;
	if (unit == 'S')
		q->octets_max = number;
	else if (unit == 'C')
		q->messages_max = number;
	return true;
}

static bool read_limits(struct str line, struct mailquota *q)
{
	struct str limit;
	bool more;

	do {
		more = str_split(line, ',', &limit, &line);
		if (!read_limit(limit, q))
			return false;
	} while (more);
	return true;
}

static bool read_number(struct str s, int64_t *out)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	uint64_t number;

	if (!str_to_u64(str_from(s, minus), NUMBER_MAX, &number))
		return false;
	*out = minus ? -(int64_t)number : (int64_t)number;
	return true;
}

static void add_up(int64_t *sum, int64_t n)
{
	if (__builtin_add_overflow(*sum, n, sum))
		*sum = n > 0 ? INT64_MAX : INT64_MIN;
}

static void read_line(struct str line, struct mailquota *q)
{
	int64_t octets, messages;
	struct str first, rest;

	(void)str_split(str_trim(line), ' ', &first, &rest);
	if (!read_number(first, &octets) || !read_number(str_trim(rest), &messages))
		return;
	add_up(&q->octets, octets);
	add_up(&q->messages, messages);
}

bool mailquota_read(struct str file, struct mailquota *out)
{
	struct mailquota q = { 0 };
	struct str line;

	if (!str_split(file, '\n', &line, &file) || !read_limits(line, &q))
		return false;
	while (str_split(file, '\n', &line, &file))
		read_line(line, &q);
	*out = q;
	return true;
}

static bool within(int64_t used, uint64_t more, uint64_t max)
{
	uint64_t now = used > 0 ? (uint64_t)used : 0;

	return max == 0 || (now <= max && more <= max - now);
}

bool mailquota_fits(const struct mailquota *q, uint64_t octets)
{
	return within(q->octets, octets, q->octets_max) && within(q->messages, 1, q->messages_max);
}

/* --- the file --- */

struct file {
	int fd; /* to be added to */
	struct mailquota quota;
	char text[LONG_FILE + 1];
	size_t n; /* octets of text */
	time_t written; /* when it was last */
};

/* Only what is a quota, and a file by that one name: not another's that was linked here. */
static bool open_file(int maildir, struct file *f)
{
	struct stat st;
	ssize_t n = -1;

	f->fd = openat(maildir, FILE_NAME, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (f->fd < 0)
		return false;
	if (fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
		n = pread(f->fd, f->text, sizeof(f->text), 0);
	if (n > 0) {
		f->n = (size_t)n;
		f->written = st.st_mtime;
		if (mailquota_read((struct str){ f->text, f->n }, &f->quota))
			return true;
	}
	close(f->fd);
	return false;
}

/* --- summing up anew --- */

/* What the name says of the size, which spares a look at the file. */
static bool size_in_name(struct str name, uint64_t *size)
{
	struct str field;

	(void)str_split(name, ':', &name, &field); /* flags stand behind it */
	while (str_split(name, ',', &field, &name)) {
		if (!str_starts_nocase(name, STR("S=")))
			continue;
		(void)str_split(name, ',', &field, &name);
		return str_to_u64(str_from(field, 2), NUMBER_MAX, size);
	}
	return false;
}

/* What is flagged as trash does not count. */
static bool is_trashed(const char *name)
{
	const char *flags = strstr(name, ":2,");

	return flags != NULL && strchr(flags + 3, 'T') != NULL;
}

static void count_file(int dir, const char *name, struct mailquota *q)
{
	struct stat st;
	uint64_t size;

	if (name[0] == '.' || is_trashed(name))
		return;
	if (!size_in_name(str_of(name), &size)) {
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return; /* gone meanwhile */
		size = (uint64_t)st.st_size;
	}
	add_up(&q->octets, (int64_t)size);
	add_up(&q->messages, 1);
}

static DIR *open_folder(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (d == NULL && fd >= 0)
		close(fd);
	return d;
}

static void count_messages(int folder, const char *where, struct mailquota *q)
{
	DIR *d = open_folder(folder, where);
	const struct dirent *entry;

	if (d == NULL)
		return;
	while ((entry = readdir(d)) != NULL)
		count_file(dirfd(d), entry->d_name, q);
	closedir(d);
}

static bool is_folder(const char *name)
{
	return name[0] == '.' && name[1] != '\0' && strcmp(name, "..") != 0 &&
		strcmp(name, ".Trash") != 0;
}

/* Whether all could be looked at. */
static bool count_all(int maildir, struct mailquota *q)
{
	DIR *d = open_folder(maildir, ".");
	const struct dirent *entry;

	q->octets = q->messages = 0;
	if (d == NULL)
		return false;
	count_messages(maildir, "new", q);
	count_messages(maildir, "cur", q);
	while ((entry = readdir(d)) != NULL) {
		DIR *folder = is_folder(entry->d_name) ? open_folder(maildir, entry->d_name) : NULL;

		if (folder == NULL)
			continue;
		count_messages(dirfd(folder), "new", q);
		count_messages(dirfd(folder), "cur", q);
		closedir(folder);
	}
	closedir(d);
	return true;
}

/* Written beside it and renamed: whoever reads it meanwhile finds the old one, or the new one. */
static void write_anew(int maildir, const struct file *f)
{
	const struct mailquota *q = &f->quota;
	struct str limits, rest;
	char sid[SID_TEXT], name[SID_TEXT + 32];
	bool written;
	int fd;

	(void)str_split((struct str){ f->text, f->n }, '\n', &limits, &rest);
	sid_make(sid);
	snprintf(name, sizeof(name), "tmp/" FILE_NAME ".%s", sid);
	fd = openat(maildir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	written = dprintf(fd, "%.*s\n%" PRId64 " %" PRId64 "\n", (int)limits.n, limits.p, q->octets,
			  q->messages) > 0;
	close(fd);
	if (!written || renameat(maildir, name, maildir, FILE_NAME) != 0)
		unlinkat(maildir, name, 0);
}

static void sum_up(int maildir, struct file *f)
{
	struct mailquota fresh = f->quota;

	if (!count_all(maildir, &fresh))
		return;
	f->quota = fresh;
	write_anew(maildir, f);
}

/* One line that is not old says what was there; several may have missed what others deleted. */
static bool is_fresh(const struct file *f)
{
	struct str first, rest = { f->text, f->n };

	(void)str_split(rest, '\n', &first, &rest);
	return str_find(rest, '\n') + 1 == rest.n && time(NULL) - f->written < FRESH_S;
}

enum err mailquota_check(int maildir, uint64_t octets)
{
	struct file f;

	if (!open_file(maildir, &f))
		return ERR_NONE;
	if (f.n > LONG_FILE || (!mailquota_fits(&f.quota, octets) && !is_fresh(&f)))
		sum_up(maildir, &f);
	close(f.fd);
	return mailquota_fits(&f.quota, octets) ? ERR_NONE : ERR_QUOTA;
}

void mailquota_add(int maildir, int64_t octets, int messages)
{
	char line[64];
	struct file f;
	int n;

	if (!open_file(maildir, &f))
		return;
	n = snprintf(line, sizeof(line), "%" PRId64 " %d\n", octets, messages);
	(void)!write(f.fd, line, (size_t)n); /* who sums it up anew finds what is missing */
	close(f.fd);
}
