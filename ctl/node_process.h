/* What another process is doing, according to /proc. */
#ifndef CTL_NODE_PROCESS_H
#define CTL_NODE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Does a thread of the process want the processor? A thread that waits for its turn on
 * a busy machine does; one that is stopped or stuck does not. False if there is no such
 * process, or if it cannot be seen. */
bool process_wants_processor(pid_t pid);

/* Was the process killed, or is it exiting? Its sockets close only when the kernel has
 * freed its memory, which takes a second or more for each 8 GiB, or has written a core
 * dump. False as above. */
bool process_is_dying(pid_t pid);

#endif
