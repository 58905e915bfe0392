#include "server/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "server/log.h"
#include "server/machine.h"

enum { OTHER_DESCRIPTORS = 128 }; /* listeners, event loops, the engine's own */

/* -r. Where the hard limit stands, as far as it goes. */
static void raise_core_limit(void)
{
    struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
    if (setrlimit(RLIMIT_CORE, &limit) == 0)
        return;
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_CORE, &limit);
    }
    if (limit.rlim_max == 0)
        log_warning("-r: the system allows no core files; raise the limit (ulimit -c, "
                    "LimitCORE=)");
}

bool process_raise_limits(const struct settings *s, char *why, size_t nwhy)
{
    struct rlimit limit;
    if (s->core_dumps)
        raise_core_limit();
    rlim_t need = (rlim_t)s->max_connections + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return true;
    struct rlimit wanted = { need, limit.rlim_max > need ? limit.rlim_max : need };
    if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
        return true;
    snprintf(why, nwhy,
             "%" PRIu64 " connections need %" PRIu64
             " file descriptors, but this process is limited to %" PRIu64
             ". Raise the limit (ulimit -n, LimitNOFILE=) or lower -c",
             s->max_connections, (uint64_t)need, (uint64_t)limit.rlim_max);
    return false;
}

static bool is_root(void)
{
    return getuid() == 0 || geteuid() == 0;
}

bool process_check_user(const struct settings *s, char *why, size_t nwhy)
{
    if (!is_root())
        return true;
    if (s->user == NULL || s->user[0] == '\0') {
        snprintf(why, nwhy,
                 "refusing to run as root: name the user to run as with -u USER (use "
                 "-u root if it must be root)");
        return false;
    }
    errno = 0;
    if (getpwnam(s->user) != NULL)
        return true;
    snprintf(why, nwhy, "there is no user '%s' to run as (-u)%s%s", s->user,
             errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    return false;
}

/* Items are not all of the memory: there are also the program, the connections, and
 * replication's journal and maps, which the host does not know. These are usual sizes. */
enum { PROGRAM_MB = 48, CONNECTION_KB = 4 };

void process_check_memory(const struct settings *s)
{
    struct machine_memory m;
    uint64_t beside = PROGRAM_MB + (s->max_connections * CONNECTION_KB >> 10);
    machine_memory("", &m);
    if (s->memory_mb + beside <= m.bytes >> 20)
        return;
    log_warning("-m is %" PRIu64 " MB, and connections (-c %" PRIu64
                ") and replication may use another %" PRIu64 " MB, but %s has only "
                "%" PRIu64 " MB: when it runs out, the kernel kills this process or swap "
                "slows it down. Lower -m or add memory",
                s->memory_mb, s->max_connections, beside, m.whose, m.bytes >> 20);
}

/* As a service manager does: the user could not make it. A folder that is there already
 * may be shared with other instances and stays as it is. */
static void make_runtime_folder(const struct passwd *user)
{
    if (mkdir(RUN_DIR, 0755) == 0 && chown(RUN_DIR, user->pw_uid, user->pw_gid) != 0)
        log_warning("cannot give " RUN_DIR
                    " to the user of -u: %s; give it to that user, or "
                    "the control socket cannot be made there",
                    strerror(errno));
}

bool process_change_user(const struct settings *s, char *why, size_t nwhy)
{
    if (!is_root())
        return true;
    struct passwd *user = getpwnam(s->user);
    if (user != NULL && user->pw_uid == 0)
        return true;
    if (user != NULL)
        make_runtime_folder(user);
    if (user != NULL && initgroups(s->user, user->pw_gid) == 0 &&
        setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0) {
        if (s->core_dumps) /* the change of the user has ended that */
            prctl(PR_SET_DUMPABLE, 1);
        return true;
    }
    snprintf(why, nwhy, "cannot become user '%s': %s", s->user, strerror(errno));
    return false;
}

/* Called while still root: the limit has to cover what the user allocates later. */
bool process_lock_memory(const struct settings *s, char *why, size_t nwhy)
{
    static const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
    if (s->lock_memory && is_root() && setrlimit(RLIMIT_MEMLOCK, &all) != 0)
        log_warning(
            "-k: cannot raise the limit of locked memory (%s); if the engine "
            "runs out of memory, raise it from outside (ulimit -l, LimitMEMLOCK=)",
            strerror(errno));
    if (!s->lock_memory || mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
        return true;
    snprintf(why, nwhy,
             "cannot lock memory (-k): %s. Raise the limit (ulimit -l, "
             "LimitMEMLOCK=) or omit -k",
             strerror(errno));
    return false;
}

/* In the parent: exits with 0 if the child became ready, else with the child's code. */
_Noreturn static void wait_for_child(pid_t child, int fd)
{
    char byte;
    int status;
    ssize_t n;
    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        _exit(EXIT_SUCCESS);
    if (waitpid(child, &status, 0) == child && WIFEXITED(status) &&
        WEXITSTATUS(status) != 0)
        _exit(WEXITSTATUS(status));
    _exit(EXIT_FAILURE);
}

bool process_daemonize(const struct settings *s, int *ready_fd, char *why, size_t nwhy)
{
    int ends[2];
    if (!s->daemonize)
        return true;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        snprintf(why, nwhy, "cannot run in the background: %s", strerror(errno));
        return false;
    }
    pid_t child = fork();
    if (child > 0) {
        close(ends[1]);
        wait_for_child(child, ends[0]);
    }
    close(ends[0]);
    if (child < 0) {
        close(ends[1]);
        snprintf(why, nwhy, "cannot run in the background: %s", strerror(errno));
        return false;
    }
    setsid();
    *ready_fd = ends[1];
    return true;
}

void process_ready(const struct settings *s, int ready_fd)
{
    if (ready_fd < 0)
        return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        if (s->verbosity == 0)
            dup2(null, STDERR_FILENO);
        close(null);
    }
    if (chdir("/") != 0 || write(ready_fd, "", 1) != 1)
        log_warning(
            "going to the background was not complete: %s; the folder in which mcd "
            "was started stays in use, or its caller waits",
            strerror(errno));
    close(ready_fd);
}

bool process_write_pidfile(const struct settings *s, char *why, size_t nwhy)
{
    if (s->pidfile == NULL)
        return true;
    char text[32];
    snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (file_replace(s->pidfile, text))
        return true;
    snprintf(why, nwhy, "cannot write the pid file %s: %s", s->pidfile, strerror(errno));
    return false;
}

/* Keeps another process's file: a failed start must not hide the server that runs. */
void process_remove_pidfile(const struct settings *s)
{
    long pid;
    if (s->pidfile != NULL && file_read_number(s->pidfile, &pid) && pid == (long)getpid())
        unlink(s->pidfile);
}
