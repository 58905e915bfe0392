#include "ctl/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/monotonic.h"
#include "ctl/guard_log.h"

enum {
    PAUSE_FIRST_MS = 1000,
    PAUSE_MAX_MS = 60000,
    EXIT_LOST = 255 /* the kernel does not know how the command has ended */
};

static const char *name_of(const struct hooks *h)
{
    return h->is_active ? "on-active" : "on-standby";
}

static const char *command_of(const struct hooks *h)
{
    const char *command = h->is_active ? h->config->on_active : h->config->on_standby;
    return command != NULL && command[0] != '\0' ? command : NULL;
}

void hooks_init(struct hooks *h, const struct hooks_config *config)
{
    *h = (struct hooks){ .config = config };
    signal(SIGCHLD, SIG_DFL); /* if it is ignored, the kernel keeps no exit status */
}

bool hooks_are_busy(const struct hooks *h)
{
    return h->running != 0 || h->succeeded != h->changes;
}

/* ---- begin */

/* In a process group of its own. What it prints goes to the guard's log. */
static int spawn(const char *command, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    char *const words[] = { "sh", "-c", (char *)command, NULL };
    int error = posix_spawn_file_actions_init(&files);
    if (error != 0)
        return error;
    if ((error = posix_spawnattr_init(&attributes)) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return error;
    }
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    error =
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    if (error == 0)
        error = posix_spawn(pid, "/bin/sh", &files, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

static void try_again_later(struct hooks *h, uint64_t now)
{
    h->pause_ms = h->pause_ms == 0 ? PAUSE_FIRST_MS : h->pause_ms * 2;
    if (h->pause_ms > PAUSE_MAX_MS)
        h->pause_ms = PAUSE_MAX_MS;
    h->again_at = now + h->pause_ms;
}

static void begin(struct hooks *h, uint64_t now)
{
    const char *command = command_of(h);
    h->begun = h->changes;
    if (command == NULL) {
        h->succeeded = h->changes;
        return;
    }
    h->begun_at = now;
    h->is_killed = false;
    int error = spawn(command, &h->running);
    if (error == 0) {
        guard_say(LOG_INFO, "%s: running %s", name_of(h), command);
        return;
    }
    h->running = 0;
    try_again_later(h, now);
    guard_say(LOG_WARNING, "%s: cannot start /bin/sh: %s; trying again in %u s",
              name_of(h), strerror(error), h->pause_ms / 1000);
}

/* ---- end */

static void put_result(char *text, size_t ntext, int status)
{
    if (WIFSIGNALED(status))
        snprintf(text, ntext, "was ended by signal %d", WTERMSIG(status));
    else
        snprintf(text, ntext, "ended with exit code %d", WEXITSTATUS(status));
}

static void judge_result(struct hooks *h, int status, uint64_t now)
{
    char result[64];
    const char *late = h->is_killed ? ", because it took too long" : "";
    unsigned long long took = (unsigned long long)(now - h->begun_at);
    put_result(result, sizeof(result), status);
    if (h->begun != h->changes) { /* the command for the newest role follows at once */
        guard_say(LOG_INFO,
                  "the command %s after %llu ms%s; the role has changed meanwhile",
                  result, took, late);
    } else if (status == 0) {
        h->succeeded = h->begun;
        guard_say(LOG_INFO, "%s: done after %llu ms", name_of(h), took);
    } else {
        try_again_later(h, now);
        guard_say(LOG_WARNING, "%s: the command %s after %llu ms%s; trying again in %u s",
                  name_of(h), result, took, late, h->pause_ms / 1000);
    }
}

static void look_at_command(struct hooks *h, uint64_t now)
{
    int status = 0;
    pid_t ended = waitpid(h->running, &status, WNOHANG);
    if (ended != 0) {
        h->running = 0;
        if (ended < 0)
            status = W_EXITCODE(EXIT_LOST, 0);
        judge_result(h, status, now);
    } else if (!h->is_killed && now - h->begun_at >= h->config->limit_ms) {
        h->is_killed = true;
        guard_say(LOG_WARNING,
                  "the command has run for %u ms, which is the limit: killing it",
                  h->config->limit_ms);
        kill(-h->running, SIGKILL);
    }
}

void hooks_look(struct hooks *h)
{
    uint64_t now = monotonic_ms();
    if (h->running != 0)
        look_at_command(h, now);
    if (h->running == 0 && h->succeeded != h->changes && now >= h->again_at)
        begin(h, now);
}

/* ---- changes */

/* They are added to the guard's own environment, which may name the address to be moved.
 */
static void put_environment(const struct hooks *h, const struct hooks_news *news)
{
    char term[24];
    snprintf(term, sizeof(term), "%llu", (unsigned long long)news->term);
    if (setenv("MCD_ROLE", h->is_active ? "active" : "standby", 1) != 0 ||
        setenv("MCD_TERM", term, 1) != 0 || setenv("MCD_WHY", news->why, 1) != 0 ||
        setenv("MCD_SOCKET", news->socket, 1) != 0)
        guard_say(LOG_WARNING,
                  "out of memory; the next command finds old values of MCD_...");
}

void hooks_tell(struct hooks *h, bool is_active, const struct hooks_news *news)
{
    if (h->changes != 0 && is_active == h->is_active)
        return;
    h->is_active = is_active;
    h->changes++;
    h->pause_ms = 0;
    h->again_at = 0;
    put_environment(h, news);
    hooks_look(h);
}

void hooks_fini(struct hooks *h)
{
    if (h->running == 0)
        return;
    guard_say(LOG_INFO, "ending the command that runs");
    kill(-h->running, SIGKILL);
    waitpid(h->running, NULL, 0);
    h->running = 0;
}
