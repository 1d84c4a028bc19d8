/* kit_words.h - the words by which supervisor and child name a kit's descriptors; private to
 * common/daemon. POPGATE_KIT="conf=5 counters=6 clients=7 alive=8 deliver=9 tls=12 tickets=13
 * listen=10:0:1,11:1:2"; a socket has the number of its listener and its enum listener_tls. */
#ifndef POPGATE_KIT_WORDS_H
#define POPGATE_KIT_WORDS_H

#define KIT_ENVIRONMENT "POPGATE_KIT"
#define KIT_CONF "conf"
#define KIT_COUNTERS "counters"
#define KIT_CLIENTS "clients"
#define KIT_VERIFIED_FD "verified"
#define KIT_ALIVE "alive"
#define KIT_DELIVER "deliver"
#define KIT_MATERIAL "tls"
#define KIT_TICKETS "tickets"
#define KIT_LISTEN "listen"

#endif
