/*
 * How much memory this process may come to use: what the machine has, and the limits of
 * the control groups that it runs in, those of their parents included.
 *
 *   /proc/meminfo        MemTotal
 *   /proc/self/cgroup    0::/system.slice/x     ->
 * /sys/fs/cgroup/system.slice/x/memory.max 4:memory:/system/x     ->
 * /sys/fs/cgroup/memory/system/x/ memory.limit_in_bytes
 *
 * In a container the path may be one of the host's that is not there: then the limit is
 * in the topmost folder.
 */
#ifndef SERVER_MACHINE_H
#define SERVER_MACHINE_H

#include <stdint.h>

struct machine_memory {
    uint64_t bytes;  /* UINT64_MAX: nothing is known */
    char whose[300]; /* "this machine", "the control group /system.slice/x" */
};

/* root: "" but for tests, which have such files in a folder of theirs. */
void machine_memory(const char *root, struct machine_memory *m);

#endif
