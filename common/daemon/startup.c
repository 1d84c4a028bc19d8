/* startup.c - see startup.h. */
#include "common/daemon/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static enum err keep_bytes(struct setup *s, struct str bytes)
{
	int fd = memfd_create("popgate-conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_of_errno(errno);
	if (write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) !=
			0) {
		close(fd);
		return ERR_NOMEM;
	}
	s->memory = fd;
	return ERR_NONE;
}

static enum err check(struct setup *s, const struct program *program, struct buf *complaints)
{
	enum err e = site_read(&s->site, s->conf, complaints);
	enum err of_listeners = listeners_read(&s->listeners, s->conf, program->name, complaints);
	enum err of_program = program->check(s->conf, complaints);

	if (e == ERR_NONE)
		e = of_listeners;
	return e == ERR_NONE ? of_program : e;
}

enum err setup_read(
	struct setup *out, const struct program *program, const char *path, struct buf *complaints)
{
	struct setup s = { .memory = -1 };
	struct buf bytes;
	enum err e;

	buf_init(&bytes, CONF_FILE_MAX);
	e = conf_read_file(path, &bytes);
	if (e != ERR_NONE)
		buf_printf(complaints, "%s: cannot be read: %s\n", path, err_text(e));
	if (e == ERR_NONE)
		e = conf_parse(&s.conf, path, buf_str(&bytes), complaints);
	if (e == ERR_NONE)
		e = check(&s, program, complaints);
	if (e == ERR_NONE)
		e = keep_bytes(&s, buf_str(&bytes));
	buf_free(&bytes);
	if (e == ERR_NONE)
		*out = s;
	else
		setup_free(&s);
	return e;
}

void setup_free(struct setup *s)
{
	conf_close(&s->conf);
	if (s->memory >= 0)
		close(s->memory);
	s->memory = -1;
}
