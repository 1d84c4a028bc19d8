/* tls.h - the tls section: certificates and keys, read by who may read them and checked before use. */
#ifndef POPGATE_CONF_TLS_H
#define POPGATE_CONF_TLS_H

#include "common/conf/conf.h"

/* A certificate is configured. */
bool tls_configured(struct conf *c);

/* Reads the files that the tls section names and adds them to out, as common/base/material.h has it (out
 * needs room for MATERIAL_MAX; nothing is added without a certificate; its owner wipes it, with
 * buf_free()). Complains of what cannot be read, of what is no chain of certificates or no key, of a key
 * that is not the certificate's, that has a passphrase or that is too weak. Files may hold secrets. */
MUST_USE enum err tls_material_read(struct buf *out, struct conf *c, struct buf *complaints);

#endif
