#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIGITS = 2 * SECRET_SIZE, OTHERS = S_IRWXG | S_IRWXO };

static bool fail(char *why, size_t nwhy, const char *what, const char *path)
{
    snprintf(why, nwhy, "cannot %s %s: %s", what, path, strerror(errno));
    return false;
}

bool secret_is_private(int fd, const char *path, char *why, size_t nwhy)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail(why, nwhy, "look at", path);
    if (!S_ISREG(st.st_mode))
        snprintf(why, nwhy, "%s is not a plain file", path);
    else if (st.st_mode & OTHERS)
        snprintf(why, nwhy,
                 "others may use %s (mode %03o): chmod 600 it, and if they may "
                 "have read it, replace it",
                 path, (unsigned)(st.st_mode & 0777));
    else if (st.st_uid != geteuid() && st.st_uid != 0)
        snprintf(why, nwhy,
                 "%s belongs to the user %u: chown it to the user of this "
                 "process, %u",
                 path, (unsigned)st.st_uid, (unsigned)geteuid());
    else
        return true;
    return false;
}

/* ---- memory */

static struct secrets *make_room(void)
{
    struct secrets *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        return NULL;
    if (madvise(s, sizeof(*s), MADV_DONTDUMP) == 0) {
        (void)mlock(s, sizeof(*s)); /* RLIMIT_MEMLOCK may forbid it */
        return s;
    }
    munmap(s, sizeof(*s));
    return NULL;
}

void secrets_free(struct secrets *s)
{
    if (s == NULL)
        return;
    explicit_bzero(s, sizeof(*s));
    munmap(s, sizeof(*s));
}

/* ---- reading */

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_secret(const char *line, size_t n, unsigned char *secret)
{
    if (n != DIGITS)
        return false;
    for (size_t i = 0; i < SECRET_SIZE; i++) {
        int high = digit_value(line[2 * i]), low = digit_value(line[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        secret[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

/* The length of a line without blanks at its end. */
static size_t measure(const char *line, size_t n)
{
    while (n > 0 && strchr(" \t\r", line[n - 1]) != NULL)
        n--;
    return n;
}

/* NULL, or what is wrong. */
static const char *parse_line(struct secrets *s, const char *line, size_t n)
{
    n = measure(line, n);
    if (n == 0 || line[0] == '#')
        return NULL;
    if (s->n == SECRETS_MAX)
        return "has more than two secrets";
    if (!parse_secret(line, n, s->of[s->n]))
        return "has a line that is not a secret, which is 64 hexadecimal digits (make "
               "one "
               "with mcreplctl secret)";
    s->n++;
    return NULL;
}

static const char *parse(struct secrets *s)
{
    const char *why = NULL;
    for (const char *line = s->text; why == NULL && *line != '\0';) {
        size_t n = strcspn(line, "\n");
        why = parse_line(s, line, n);
        line += n + (line[n] == '\n');
    }
    if (why == NULL && s->n == 0)
        why = "has no secret (make one with mcreplctl secret)";
    return why;
}

static bool read_text(struct secrets *s, int fd, const char *path, char *why, size_t nwhy)
{
    size_t n = 0;
    ssize_t got;
    while (n < SECRET_TEXT && (got = read(fd, s->text + n, SECRET_TEXT - n)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(why, nwhy, "read", path);
        n += (size_t)got;
    }
    if (n < SECRET_TEXT && memchr(s->text, '\0', n) == NULL)
        return true;
    snprintf(why, nwhy, "%s is too long, or has bytes that are not text", path);
    return false;
}

static bool read_secrets(struct secrets *s, int fd, const char *path, char *why,
                         size_t nwhy)
{
    if (!secret_is_private(fd, path, why, nwhy) || !read_text(s, fd, path, why, nwhy))
        return false;
    const char *wrong = parse(s);
    explicit_bzero(s->text, sizeof(s->text));
    if (wrong != NULL)
        snprintf(why, nwhy, "%s %s", path, wrong);
    return wrong == NULL;
}

struct secrets *secrets_read(const char *path, char *why, size_t nwhy)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        fail(why, nwhy, "read", path);
        return NULL;
    }
    struct secrets *s = make_room();
    if (s == NULL)
        fail(why, nwhy, "get memory for", path);
    if (s != NULL && !read_secrets(s, fd, path, why, nwhy)) {
        secrets_free(s);
        s = NULL;
    }
    close(fd);
    return s;
}

/* ---- making */

static bool write_secret(int fd)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char secret[SECRET_SIZE];
    char line[DIGITS + 1];
    bool ok = getrandom(secret, sizeof(secret), 0) == (ssize_t)sizeof(secret);
    for (size_t i = 0; i < SECRET_SIZE; i++) {
        line[2 * i] = digits[secret[i] >> 4];
        line[2 * i + 1] = digits[secret[i] & 15];
    }
    line[DIGITS] = '\n';
    if (ok) {
        errno = ENOSPC; /* the meaning of a partial write */
        ok = write(fd, line, sizeof(line)) == (ssize_t)sizeof(line) && fsync(fd) == 0;
    }
    explicit_bzero(secret, sizeof(secret));
    explicit_bzero(line, sizeof(line));
    return ok;
}

bool secret_make(const char *path, char *why, size_t nwhy)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        snprintf(why, nwhy, "%s exists already, and is left as it is", path);
        return false;
    }
    if (fd < 0)
        return fail(why, nwhy, "make", path);
    bool ok = write_secret(fd);
    int error = errno;
    if (close(fd) == 0 && ok)
        return true;
    if (!ok)
        errno = error;
    fail(why, nwhy, "write", path);
    unlink(path);
    return false;
}
