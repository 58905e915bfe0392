/* What another process is at, as /proc tells. */
#ifndef CTL_NODE_PROCESS_H
#define CTL_NODE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Does a thread of it want the processor? One that waits for it on a busy machine does;
 * one that is stopped or stuck does not. False if there is no such process, or none to be
 * seen. */
bool process_wants_processor(pid_t pid);

/* Was it killed, or is it exiting? Its sockets close only when the kernel has taken its
 * memory apart, a second or more for each 8 GiB, or has written it down as a core. False
 * as above. */
bool process_is_dying(pid_t pid);

#endif
