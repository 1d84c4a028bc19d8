/* limits.h - what the kernel lets a process have, and what of it a daemon may promise. */
#ifndef POPGATE_LIMITS_H
#define POPGATE_LIMITS_H

#define CLIENTS_PER_PROCESS 32768 /* connections that one process can count */

/* Raises the soft limit of descriptors to the hard one. */
void limits_raise(void);

/* How many connections a daemon can have, when it wants wanted, has that many processes, and each
 * connection needs fds descriptors. Fewer than wanted is said in one warning line, never refused: the
 * hard limit may be out of our hands. */
unsigned limits_connections(unsigned wanted, unsigned processes, unsigned fds);

#endif
