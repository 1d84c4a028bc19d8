/* material.h - certificates with their keys as octets: on their way from the supervisor, which may read
 * the files, to the workers, which may not.
 *
 * One after the other, each three texts with their lengths (32 bits, little-endian) before them. */
#ifndef POPGATE_MATERIAL_H
#define POPGATE_MATERIAL_H

#include "common/base/buf.h"

#define MATERIAL_MAX (4 << 20) /* octets of all together */

/* Texts are borrowed. */
struct material {
	struct str name; /* the server name it is for; "" for the default, which comes first */
	struct str chain, key; /* PEM */
};

void material_put(struct buf *out, const struct material *m);

/* Cuts the first one off *rest. False if that is not what material_put() writes; then nothing is set. */
MUST_USE bool material_cut(struct str *rest, struct material *m);

#endif
