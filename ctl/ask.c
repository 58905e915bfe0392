#include "ctl/ask.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/printable.h"

#define USUAL_PLACE RUN_DIR "/*.sock"

static bool keep_path(struct ask *ask, const char *path)
{
    size_t n = strlen(path);
    if (n < sizeof(ask->path)) {
        memcpy(ask->path, path, n + 1);
        return true;
    }
    snprintf(ask->why, sizeof(ask->why),
             "the path of the control socket is longer than a UNIX socket can have: %s",
             path);
    return false;
}

/* The system's folder, and that of a user who may not write there. */
static int list_sockets(glob_t *found)
{
    char mine[PATH_MAX];
    const char *own = getenv("XDG_RUNTIME_DIR");
    int rc = glob(USUAL_PLACE, 0, NULL, found);
    if (own == NULL || rc == GLOB_NOSPACE)
        return rc;
    snprintf(mine, sizeof(mine), "%s/mcd-*.sock", own);
    int rc_own = glob(mine, rc == 0 ? GLOB_APPEND : 0, NULL, found);
    return rc_own == GLOB_NOMATCH ? rc : rc_own;
}

static bool find_socket(struct ask *ask)
{
    glob_t found;
    bool one = false;
    int rc = list_sockets(&found);
    if (rc == GLOB_NOSPACE) {
        snprintf(ask->why, sizeof(ask->why),
                 "out of memory while looking for the control socket; name it with -s");
        return false;
    }
    if (rc != 0) {
        snprintf(ask->why, sizeof(ask->why),
                 "there is no control socket " USUAL_PLACE
                 ": is mcd running with repl_engine.so and a peer? If the socket is "
                 "elsewhere, name it with -s");
        return false;
    }
    if (found.gl_pathc > 1)
        snprintf(ask->why, sizeof(ask->why),
                 "%zu nodes run here (%s, %s, ...): name one with -s", found.gl_pathc,
                 found.gl_pathv[0], found.gl_pathv[1]);
    else
        one = keep_path(ask, found.gl_pathv[0]);
    globfree(&found);
    return one;
}

static bool take_path(struct ask *ask, const char *path)
{
    return path != NULL ? keep_path(ask, path) : find_socket(ask);
}

/* What to look at. The kernel refuses connections to whatever is no socket, too. */
static const char *advice(const char *path, int error)
{
    struct stat place;
    if (error == EACCES)
        return "; are you in its group?";
    if (error == ECONNREFUSED && stat(path, &place) == 0 && !S_ISSOCK(place.st_mode))
        return "; that is no socket";
    return error == ECONNREFUSED || error == ENOENT ? "; is mcd running?" : "";
}

static bool limit_wait(int fd, int option, unsigned ms)
{
    struct timeval limit = { .tv_sec = ms / 1000,
                             .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
    return setsockopt(fd, SOL_SOCKET, option, &limit, sizeof(limit)) == 0;
}

bool ask_open(struct ask *ask, const char *path, unsigned timeout_ms)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    *ask = (struct ask){ 0 };
    if (!take_path(ask, path))
        return false;
    memcpy(at.sun_path, ask->path, sizeof(at.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !limit_wait(fd, SO_RCVTIMEO, timeout_ms) ||
        !limit_wait(fd, SO_SNDTIMEO, timeout_ms) ||
        connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        (ask->stream = fdopen(fd, "r")) == NULL) {
        int error = errno;
        snprintf(ask->why, sizeof(ask->why), "cannot reach the node at %s: %s%s",
                 ask->path, strerror(error), advice(ask->path, error));
        if (fd >= 0)
            close(fd);
        return false;
    }
    return true;
}

void ask_close(struct ask *ask)
{
    if (ask->stream != NULL)
        fclose(ask->stream);
    ask->stream = NULL;
}

void ask_patience(struct ask *ask, unsigned each_ms, bool (*wait_on)(void *context),
                  void *context)
{
    limit_wait(fileno(ask->stream), SO_RCVTIMEO, each_ms);
    ask->wait_on = wait_on;
    ask->wait_context = context;
}

static enum answer fail(struct ask *ask, const char **text)
{
    *text = ask->why;
    ask->has_ended = errno != EAGAIN || feof(ask->stream);
    snprintf(ask->why, sizeof(ask->why), "the node at %s %s", ask->path,
             ask->has_ended ? "closed the connection" : "does not answer");
    return ANSWER_FAILED;
}

/* The rest of the line after this word; NULL if the line begins with another one. */
static const char *after(const char *word, const char *line)
{
    size_t n = strlen(word);
    return strncmp(line, word, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

static void take_figure(char *rest, ask_figure figure, void *context)
{
    char *value = strchr(rest, ' ');
    if (figure == NULL || value == NULL)
        return;
    *value = '\0';
    figure(context, rest, value + 1);
}

pid_t ask_pid(const struct ask *ask)
{
    struct ucred peer;
    socklen_t n = sizeof(peer);
    if (getsockopt(fileno(ask->stream), SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
        return -1;
    return peer.pid;
}

/* Does not use fgets, which returns half a line as a line if the other half is late. */
static bool read_line(struct ask *ask)
{
    size_t n = 0;
    int c = 0;
    while (c != '\n' && n + 1 < sizeof(ask->line)) {
        c = getc(ask->stream);
        if (c != EOF)
            ask->line[n++] = c == '\n' ? '\n' : printable(c);
        else if (feof(ask->stream) || errno != EAGAIN || ask->wait_on == NULL ||
                 !ask->wait_on(ask->wait_context))
            return false;
        else
            clearerr(ask->stream);
    }
    ask->line[n] = '\0';
    return true;
}

/* Writes to the socket itself: the stream may hold unread lines of news. */
static bool send_line(struct ask *ask, const char *command)
{
    char line[400];
    int n = snprintf(line, sizeof(line), "%s\n", command);
    if ((size_t)n >= sizeof(line)) {
        errno = EMSGSIZE;
        return false;
    }
    return send(fileno(ask->stream), line, (size_t)n, MSG_NOSIGNAL) == n;
}

enum answer ask_command(struct ask *ask, const char *command, ask_figure figure,
                        ask_step step, void *context, const char **text)
{
    errno = 0;
    if (!send_line(ask, command))
        return fail(ask, text);
    while (read_line(ask)) {
        const char *rest;
        ask->line[strcspn(ask->line, "\n")] = '\0';
        if ((rest = after("STAT", ask->line)) != NULL)
            take_figure(ask->line + (rest - ask->line), figure, context);
        else if ((rest = after("STEP", ask->line)) != NULL && step != NULL)
            step(context, rest);
        else if ((*text = after("OK", ask->line)) != NULL)
            return ANSWER_OK;
        else if ((*text = after("NO", ask->line)) != NULL)
            return ANSWER_NO;
        else if ((*text = after("ERROR", ask->line)) != NULL)
            return ANSWER_ERROR;
    }
    return fail(ask, text);
}
