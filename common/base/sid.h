/* sid.h - a short id for each session, in every log line of it and in the Received: line. */
#ifndef POPGATE_SID_H
#define POPGATE_SID_H

#define SID_TEXT 17 /* 16 characters and the NUL */

/* Random, of letters and digits; unique for all that matters, from any thread. dst has SID_TEXT octets. */
void sid_make(char *dst);

#endif
