/*
 * How much memory this process may use: the machine's memory, and the limits of the
 * control groups that it runs in, including their parents.
 *
 *   /proc/meminfo        MemTotal
 *   /proc/self/cgroup    0::/system.slice/x  -> /sys/fs/cgroup/system.slice/x/memory.max
 *                        4:memory:/system/x  -> /sys/fs/cgroup/memory/system/x/
 *                                               memory.limit_in_bytes
 *
 * In a container the path may be one of the host's, which does not exist here: then the
 * limit is in the topmost folder.
 */
#ifndef SERVER_MACHINE_H
#define SERVER_MACHINE_H

#include <stdint.h>

struct machine_memory {
    uint64_t bytes;  /* UINT64_MAX: unknown */
    char whose[300]; /* "this machine", "the control group /system.slice/x" */
};

/* root is "", except in tests, which have such files in a folder of their own. */
void machine_memory(const char *root, struct machine_memory *m);

#endif
