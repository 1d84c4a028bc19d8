/* utf8.h - is this UTF-8, as RFC 3629 has it: shortest forms only, no surrogates, up to U+10FFFF. */
#ifndef POPGATE_UTF8_H
#define POPGATE_UTF8_H

#include "common/base/str.h"

/* Octets of the character that s begins with, 1 to 4; 0 if s is empty or begins with none. */
size_t utf8_length(struct str s);

/* Every octet of s belongs to a character. */
bool utf8_valid(struct str s);

#endif
