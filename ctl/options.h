/* options.h - the options of popgate(8), one table: reading, refusing and explaining them. */
#ifndef POPGATE_CTL_OPTIONS_H
#define POPGATE_CTL_OPTIONS_H

#include "ctl/ctl.h"

struct subcommand {
	const char *group, *name; /* name "": the group is the command */
	int (*run)(struct ctl *c);
	const char *arguments; /* "ADDRESS [TIME]": what is no option */
	const char *options; /* those it takes: "user! json"; with a ! it may not be left out */
	const char *help; /* half a sentence for people */
};

/* Reads argv into c, options and arguments in any order. False, and said, for what is no option or has no
 * value. --help and --version are noted in c, no more. */
MUST_USE bool options_read(struct ctl *c, int argc, char **argv);

/* Was none given that s does not take? Says which, otherwise. */
MUST_USE bool options_fit(const struct ctl *c, const struct subcommand *s);

/* " --user NAME [--json]", each with its blank before it. */
void options_synopsis(struct buf *to, const struct subcommand *s);

/* "user= all": each option of s, with a = if it takes a value. */
void options_words(FILE *to, const struct subcommand *s);

/* A line for each option of s. */
void options_explain(FILE *to, const struct subcommand *s);

/* The nearest of two words to what somebody typed: how many letters lie between; few means that it was
 * meant. */
size_t options_distance(const char *typed, const char *word);

#endif
