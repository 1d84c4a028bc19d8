/* crc32c.h - the CRC of RFC 3720 12.1 (Castagnoli's polynomial), over what is stored. */
#ifndef POPGATE_CRC32C_H
#define POPGATE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *data, size_t n);

#endif
