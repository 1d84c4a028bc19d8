/* edit.h - changing one line of the passwd-file, and nothing else of it.
 *
 * The new file is written beside the old one, forced to the device and renamed over it, with the old
 * one's mode and owner; readers see the one or the other. A new file is the editor's own, and reader's to
 * read where that is a group. Two editors exclude each other (flock(2) on
 * the file's directory). */
#ifndef POPGATE_EDIT_H
#define POPGATE_EDIT_H

#include <sys/types.h>

#include "common/base/subscriber.h"

enum edit {
	EDIT_ADD, /* ERR_EXISTS if the name is there */
	EDIT_REPLACE, /* the password, keeping what stands behind it; ERR_ABSENT if the name is not there */
	EDIT_REMOVE, /* every line of that name; ERR_ABSENT likewise */
};

/* line: of ADD the whole line, of REPLACE the stored password; without a line end. reader: (gid_t)-1 for
 * nobody else. */
MUST_USE enum err edit_file(const char *path, enum edit what, const struct subscriber *who,
	struct str default_domain, struct str line, gid_t reader);

#endif
