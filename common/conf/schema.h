/* schema.h - what may stand in popgate.conf; private to common/conf. */
#ifndef POPGATE_SCHEMA_H
#define POPGATE_SCHEMA_H

enum conf_kind {
	CONF_END, /* closes a table */
	CONF_TEXT,
	CONF_DURATION,
	CONF_SIZE,
	CONF_NUMBER,
	CONF_BOOL,
	CONF_WORD, /* one of words */
	CONF_TEXTS, /* lists */
	CONF_NETWORKS,
	CONF_SECTION, /* at most once; there, with its defaults, even where the file has none */
	CONF_TITLED, /* any number, each with a title of its own */
};

struct conf_option {
	const char *name;
	enum conf_kind kind;
	const char *fallback; /* the default, as one would write it; a list as "{a, b}" */
	const char *words; /* CONF_WORD: "none|starttls" ; CONF_NUMBER: "0-1024" */
	const struct conf_option *options; /* of a section */
};

extern const struct conf_option conf_schema[];

#endif
