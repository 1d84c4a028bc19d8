/* material.c - see material.h. */
#include "common/base/material.h"

static void put_text(struct buf *out, struct str text)
{
	const unsigned char size[4] = { (unsigned char)text.n, (unsigned char)(text.n >> 8),
		(unsigned char)(text.n >> 16), (unsigned char)(text.n >> 24) };

	buf_add(out, (struct str){ (const char *)size, sizeof(size) });
	buf_add(out, text);
}

void material_put(struct buf *out, const struct material *m)
{
	put_text(out, m->name);
	put_text(out, m->chain);
	put_text(out, m->key);
}

static bool cut_text(struct str *rest, struct str *text)
{
	const unsigned char *p = (const unsigned char *)rest->p;
	size_t n;

	if (rest->n < 4)
		return false;
	n = p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
	if (n > rest->n - 4)
		return false;
	*text = (struct str){ rest->p + 4, n };
	*rest = str_from(*rest, 4 + n);
	return true;
}

bool material_cut(struct str *rest, struct material *m)
{
	struct str at = *rest;
	struct material found;

	if (!cut_text(&at, &found.name) || !cut_text(&at, &found.chain) ||
		!cut_text(&at, &found.key))
		return false;
	*rest = at;
	*m = found;
	return true;
}
