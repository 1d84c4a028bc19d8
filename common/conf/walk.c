/* walk.c - conf_walk() of conf.h: every setting of a config in the order of the schema, by what conf.c says of
 * each. */
#include <stdio.h>

#include "common/conf/conf.h"
#include "common/conf/schema.h"

#define NAME_MAX_OCTETS 600
#define VALUE_MAX_OCTETS (1 << 20)

struct walk {
	struct conf *conf;
	conf_visit *fn;
	void *owner;
};

static void visit(const struct walk *w, struct conf_section s, const char *prefix,
	const struct conf_option *o)
{
	char name[NAME_MAX_OCTETS];
	struct buf value;

	buf_init(&value, VALUE_MAX_OCTETS);
	for (size_t i = 0; i < conf_count(s, o->name); i++)
		buf_printf(&value, "%s%s", i > 0 ? ", " : "", conf_nth(s, o->name, i).p);
	buf_add(&value, (struct str){ "", 1 });
	snprintf(name, sizeof(name), "%s%s", prefix, o->name);
	if (!value.broken)
		w->fn(w->owner, name, buf_str(&value).p, s, o->name);
	buf_free(&value);
}

static void walk(const struct walk *w, struct conf_section s, const char *prefix,
	const struct conf_option *options)
{
	for (const struct conf_option *o = options; o->kind != CONF_END; o++) {
		if (o->options == NULL) {
			visit(w, s, prefix, o);
			continue;
		}
		for (size_t i = 0; i < conf_sections(s, o->name); i++) {
			struct conf_section below = conf_section(s, o->name, i);
			struct str title = conf_title(below);
			char name[NAME_MAX_OCTETS];

			snprintf(name, sizeof(name), title.n > 0 ? "%s%s[%.300s]." : "%s%s%s.",
				prefix, o->name, title.p);
			walk(w, below, name, o->options);
		}
	}
}

void conf_walk(struct conf *c, conf_visit *fn, void *owner)
{
	const struct walk w = { c, fn, owner };

	walk(&w, conf_root(c), "", conf_schema);
}
