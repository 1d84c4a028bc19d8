/* conf.h - popgate.conf read and checked: every program reads the one file, whole, in the same way.
 *
 * The file has libConfuse's syntax. Which options there are, of what kind and with which default is
 * the table in schema.c. An unknown option, or a value that is not of its option's kind, is a
 * complaint with file and line. What the settings of one program mean together is checked by the
 * settings.c beside that program, with conf_complain().
 *
 * A struct conf does not change once parsed and may be read from any thread; strings and sections
 * are borrowed from it until conf_close(). Asking for an option that schema.c does not have in that
 * section, or as another kind than it is, is a broken invariant. */
#ifndef POPGATE_CONF_H
#define POPGATE_CONF_H

#include "common/base/addr.h"
#include "common/base/buf.h"

#define CONF_FILE_MAX (1 << 20) /* octets of a popgate.conf */

struct conf;
struct cfg_t;

/* One { ... } of the file, or the file itself; a plain value. */
struct conf_section {
	struct conf *conf;
	struct cfg_t *cfg;
};

/* Reads bytes, called name in complaints. On failure *out is untouched and complaints has a line
 * "name:line: what" for each thing that is wrong. ERR_SYNTAX for the operator's mistakes. */
MUST_USE enum err conf_parse(
	struct conf **out, const char *name, struct str bytes, struct buf *complaints);
void conf_close(struct conf **c);

/* A whole file into bytes (no more than its limit). ERR_LIMIT if it is larger. */
MUST_USE enum err conf_read_file(const char *path, struct buf *bytes);

struct conf_section conf_root(struct conf *c);

/* How many sections of that name there are, and the i-th; its title, "" without one. */
size_t conf_sections(struct conf_section s, const char *name);
struct conf_section conf_section(struct conf_section s, const char *name, size_t i);
struct str conf_title(struct conf_section s);

/* Values as the option's kind says; the default where the file says nothing. */
struct str conf_text(struct conf_section s, const char *name);
const char *conf_cstr(struct conf_section s, const char *name);
int64_t conf_ms(struct conf_section s, const char *name);
uint64_t conf_size(struct conf_section s, const char *name); /* octets */
unsigned conf_number(struct conf_section s, const char *name);
bool conf_bool(struct conf_section s, const char *name);
unsigned conf_word(
	struct conf_section s, const char *name); /* place in the schema's words, from 0 */

/* Lists: how many values, and the i-th. */
size_t conf_count(struct conf_section s, const char *name);
struct str conf_nth(struct conf_section s, const char *name, size_t i);
struct network conf_nth_network(struct conf_section s, const char *name, size_t i);

/* The line on which it was set last; 0 where the default stands. */
unsigned conf_line(struct conf_section s, const char *name);

/* Where its value comes from: "FILE:LINE", or "default". dst has CONF_WHERE octets. Returns dst. */
#define CONF_WHERE 4200
char *conf_where(struct conf_section s, const char *name, char *dst);

/* Calls fn for each setting there is, with its whole name ("window.lifetime",
 * "pop3d.listener[0.0.0.0:110].tls") and its value as one would write it: from the file, or the default. */
typedef void conf_visit(void *owner, const char *name, const char *value, struct conf_section s,
	const char *option);
void conf_walk(struct conf *c, conf_visit *fn, void *owner);

/* Adds "file:line: text" (the line of that option, or of the section's end) to complaints. */
void conf_complain(struct conf_section s, const char *name, struct buf *complaints,
	const char *format, ...) PRINTF_LIKE(4, 5);

#endif
