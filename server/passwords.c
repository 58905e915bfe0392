#include "server/passwords.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* One byte more than the largest file: then there is too much. */
enum { FILE_ROOM = PASSWORDS_MAX * (PASSWORD_ROOM + 1) + 1 };

void passwords_init(struct passwords *p)
{
    memset(&p->list, 0, sizeof(p->list));
    AZ(pthread_mutex_init(&p->lock, NULL));
}

void passwords_fini(struct passwords *p)
{
    explicit_bzero(&p->list, sizeof(p->list));
    AZ(pthread_mutex_destroy(&p->lock));
}

/* ---- the file ---- */

/* Returns how many bytes it has, or -1. */
static long read_file(const char *path, char *text, size_t ntext)
{
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return -1;
    setbuf(in, NULL); /* no copy stays behind */
    size_t n = fread(text, 1, ntext, in);
    bool ok = !ferror(in);
    int error = errno;
    fclose(in);
    errno = error;
    return ok ? (long)n : -1;
}

/* What is wrong with a line; NULL if it is good. */
static const char *take_line(struct password_list *list, const char *line, size_t n)
{
    if (n > 0 && line[n - 1] == '\r')
        n--;
    if (list->n == PASSWORDS_MAX)
        return "is one too many: there may be 8";
    if (n >= PASSWORD_ROOM)
        return "has more than 255 bytes";
    if (memchr(line, ':', n) == NULL || memchr(line, '\0', n) != NULL)
        return "is not user:password";
    memcpy(list->lines[list->n++], line, n);
    return NULL;
}

static bool take_lines(struct password_list *list, const char *text, size_t n,
                       const char *path, char *why, size_t nwhy)
{
    const char *end = text + n;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t size = (size_t)((stop != NULL ? stop : end) - text);
        size_t number = list->n + 1;
        const char *wrong = take_line(list, text, size);
        if (wrong != NULL) {
            snprintf(why, nwhy, "-Y: line %zu of %s %s", number, path, wrong);
            return false;
        }
        text += size + 1;
    }
    return true;
}

bool passwords_load(struct passwords *p, const char *path, char *why, size_t nwhy)
{
    char text[FILE_ROOM];
    struct password_list list = { 0 };
    long n = read_file(path, text, sizeof(text));
    bool ok = n >= 0 && take_lines(&list, text, (size_t)n, path, why, nwhy);
    if (n < 0)
        snprintf(why, nwhy, "-Y: cannot read %s: %s", path, strerror(errno));
    if (ok) {
        AZ(pthread_mutex_lock(&p->lock));
        p->list = list;
        AZ(pthread_mutex_unlock(&p->lock));
    }
    explicit_bzero(text, sizeof(text));
    explicit_bzero(&list, sizeof(list));
    return ok;
}

/* ---- asking ---- */

static bool equal(const char *a, const char *b)
{
    unsigned differences = 0;
    for (size_t i = 0; i < PASSWORD_ROOM; i++)
        differences |= (unsigned char)(a[i] ^ b[i]);
    return differences == 0;
}

/* Compares whole lines with all that are there, whichever of them is right. */
bool passwords_accept(struct passwords *p, const char *user, size_t nuser,
                      const char *password, size_t npassword)
{
    char line[PASSWORD_ROOM] = "";
    unsigned matches = 0;
    if (nuser + 1 + npassword >= PASSWORD_ROOM || memchr(user, ':', nuser) != NULL ||
        memchr(password, '\0', npassword) != NULL)
        return false;
    memcpy(line, user, nuser);
    line[nuser] = ':';
    memcpy(line + nuser + 1, password, npassword);
    AZ(pthread_mutex_lock(&p->lock));
    for (size_t i = 0; i < p->list.n; i++)
        matches |= equal(line, p->list.lines[i]);
    AZ(pthread_mutex_unlock(&p->lock));
    explicit_bzero(line, sizeof(line));
    return matches != 0;
}
