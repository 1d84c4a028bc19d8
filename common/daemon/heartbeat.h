/* heartbeat.h - how others see that a store lives: in the file that it holds locked, when it last said so, on
 * the steady clock, which all processes of a host have in common. */
#ifndef POPGATE_HEARTBEAT_H
#define POPGATE_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The holder's: now. */
void heartbeat_write(int fd);

/* False: nobody has written one. */
bool heartbeat_read(int fd, int64_t *steady_ms);

/* Who holds the flock(2) on that file, as the kernel knows it, if he is of uid and does not wait for a device
 * (nobody can end such a one). 0: nobody like that. */
pid_t heartbeat_holder(int fd, uid_t uid);

#endif
