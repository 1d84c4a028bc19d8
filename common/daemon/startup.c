/* startup.c - see startup.h. */
#include "common/daemon/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/material.h"
#include "common/conf/tls.h"

static enum err keep_bytes(int *memory, const char *name, struct str bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_of_errno(errno);
	if (write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) !=
			0) {
		close(fd);
		return ERR_NOMEM;
	}
	*memory = fd;
	return ERR_NONE;
}

/* Workers may not read keys, so they get what we have read; of ours nothing stays. */
static enum err keep_material(struct setup *s, struct buf *complaints)
{
	struct buf material;
	enum err e;

	buf_init(&material, MATERIAL_MAX);
	e = tls_material_read(&material, s->conf, complaints);
	if (e == ERR_NONE && material.len > 0)
		e = keep_bytes(&s->material, "popgate-tls", buf_str(&material));
	buf_free(&material);
	return e;
}

static enum err check(struct setup *s, const struct program *program, struct buf *complaints)
{
	enum err e = site_read(&s->site, s->conf, complaints);
	enum err of_listeners = listeners_read(&s->listeners, s->conf, program->name, complaints);
	enum err of_program = program->check(s->conf, complaints);
	enum err of_material = keep_material(s, complaints);

	if (e == ERR_NONE)
		e = of_listeners;
	if (e == ERR_NONE)
		e = of_program;
	return e == ERR_NONE ? of_material : e;
}

enum err setup_read(
	struct setup *out, const struct program *program, const char *path, struct buf *complaints)
{
	struct setup s = { .memory = -1, .material = -1 };
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
		e = keep_bytes(&s.memory, "popgate-conf", buf_str(&bytes));
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
	if (s->material >= 0)
		close(s->material);
	s->memory = s->material = -1;
}
