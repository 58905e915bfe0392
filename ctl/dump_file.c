#include "ctl/dump_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

static const char magic[] = "mcd dump 1\n";

enum { HEAD = 1 + 2 + 4 + 8 + 8 + 4, TAIL = 1 + 8 + 8, VALUE_MOST = 1 << 30 };

static bool fail(struct dump_file *f, const char *what)
{
    snprintf(f->why, sizeof(f->why), "%s: %s", f->path, what);
    return false;
}

static void add_to_sum(struct dump_file *f, const void *bytes, size_t n)
{
    f->sum = XXH3_64bits_withSeed(bytes, n, f->sum);
}

/* ---- numbers */

static char *put(char *to, uint64_t n, unsigned bytes)
{
    uint64_t big = htobe64(n << (64 - 8 * bytes));
    memcpy(to, &big, bytes);
    return to + bytes;
}

static uint64_t get(const char **from, unsigned bytes)
{
    uint64_t big = 0;
    memcpy(&big, *from, bytes);
    *from += bytes;
    return be64toh(big) >> (64 - 8 * bytes);
}

/* ---- writing */

/* What is no file would be replaced by one, not written to. */
static bool may_replace(const char *path)
{
    struct stat found;
    return lstat(path, &found) != 0 || S_ISREG(found.st_mode) || S_ISLNK(found.st_mode);
}

bool dump_file_create(struct dump_file *f, const char *path)
{
    *f = (struct dump_file){ .path = path };
    if (!may_replace(path))
        return fail(f, "not a regular file; name a file for the dump");
    int n =
        snprintf(f->temporary, sizeof(f->temporary), "%s.%ld.new", path, (long)getpid());
    if ((size_t)n >= sizeof(f->temporary)) {
        f->temporary[0] = '\0';
        return fail(f, "the name is too long");
    }
    int fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        f->stream = fdopen(fd, "wb");
    if (f->stream == NULL) {
        fail(f, strerror(errno));
        if (fd >= 0)
            close(fd);
        else
            f->temporary[0] = '\0';
        return false;
    }
    return fputs(magic, f->stream) >= 0 || fail(f, strerror(errno));
}

bool dump_file_put(struct dump_file *f, const struct item *it)
{
    char head[HEAD], *to = head;
    *to++ = 'I';
    to = put(put(to, it->nkey, 2), it->flags, 4);
    put(put(put(to, it->expires, 8), it->cas, 8), it->nvalue, 4);
    add_to_sum(f, head, HEAD);
    add_to_sum(f, it->key, it->nkey);
    add_to_sum(f, it->value, it->nvalue);
    f->items++;
    return (fwrite(head, HEAD, 1, f->stream) == 1 &&
            fwrite(it->key, 1, it->nkey, f->stream) == it->nkey &&
            fwrite(it->value, 1, it->nvalue, f->stream) == it->nvalue) ||
           fail(f, strerror(errno));
}

/* The new name must be on the disk, too. */
static bool sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy != NULL ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    if (fd >= 0)
        close(fd);
    free(copy);
    return ok;
}

bool dump_file_finish(struct dump_file *f)
{
    char tail[TAIL] = "E";
    put(put(tail + 1, f->items, 8), f->sum, 8);
    if (fwrite(tail, TAIL, 1, f->stream) != 1 || fflush(f->stream) != 0 ||
        fsync(fileno(f->stream)) != 0 || rename(f->temporary, f->path) != 0)
        return fail(f, strerror(errno));
    f->temporary[0] = '\0';
    return sync_folder(f->path) || fail(f, strerror(errno));
}

/* ---- reading */

static bool broken(struct dump_file *f, const char *what)
{
    return fail(f, ferror(f->stream) ? strerror(errno) : what);
}

static bool make_room(struct dump_file *f, size_t n)
{
    if (n <= f->nroom)
        return true;
    char *room = realloc(f->room, n);
    if (room == NULL)
        return fail(f, "out of memory");
    f->room = room;
    f->nroom = n;
    return true;
}

static bool read_tail(struct dump_file *f, uint64_t items)
{
    char tail[TAIL];
    const char *from = tail;
    if (fread(tail + 1, TAIL - 1, 1, f->stream) != 1)
        return broken(f, "the file is truncated");
    from++;
    uint64_t count = get(&from, 8), sum = get(&from, 8);
    if (count != items || sum != f->sum || getc(f->stream) != EOF)
        return broken(f, "the file is damaged: its check sum is wrong");
    f->items = items;
    return true;
}

/* The record behind its first byte. */
static bool read_item(struct dump_file *f, struct item *it)
{
    char head[HEAD] = "I";
    const char *from = head + 1;
    if (fread(head + 1, HEAD - 1, 1, f->stream) != 1)
        return broken(f, "the file is truncated");
    it->nkey = (uint32_t)get(&from, 2);
    it->flags = (uint32_t)get(&from, 4);
    it->expires = get(&from, 8);
    it->cas = get(&from, 8);
    it->nvalue = (uint32_t)get(&from, 4);
    if (it->nkey == 0 || it->nkey > ITEM_KEY_MAX || it->nvalue > VALUE_MOST)
        return fail(f, "the file is damaged: it has an impossible item");
    if (!make_room(f, (size_t)it->nkey + it->nvalue))
        return false;
    if (fread(f->room, (size_t)it->nkey + it->nvalue, 1, f->stream) != 1)
        return broken(f, "the file is truncated");
    it->key = f->room;
    it->value = f->room + it->nkey;
    add_to_sum(f, head, HEAD);
    add_to_sum(f, it->key, it->nkey);
    add_to_sum(f, it->value, it->nvalue);
    return true;
}

bool dump_file_each(struct dump_file *f, const struct item_taker *taker)
{
    char start[sizeof(magic)] = "";
    uint64_t items = 0;
    f->sum = 0;
    rewind(f->stream);
    if (fread(start, sizeof(magic) - 1, 1, f->stream) != 1 || strcmp(start, magic) != 0)
        return broken(f, "this is not a file that mcreplctl dump has written");
    for (;; items++) {
        struct item it;
        int kind = getc(f->stream);
        if (kind == 'E')
            return read_tail(f, items);
        if (kind != 'I')
            return broken(f, kind == EOF
                                 ? "the file is truncated"
                                 : "the file is damaged: it has an unknown record");
        if (!read_item(f, &it))
            return false;
        if (!taker->take(taker->context, &it))
            return false;
    }
}

static bool pass_over(void *context, const struct item *it)
{
    (void)context, (void)it;
    return true;
}

bool dump_file_open(struct dump_file *f, const char *path)
{
    static const struct item_taker nobody = { pass_over, NULL };
    *f = (struct dump_file){ .path = path, .stream = fopen(path, "rbe") };
    if (f->stream == NULL)
        return fail(f, strerror(errno));
    return dump_file_each(f, &nobody);
}

void dump_file_close(struct dump_file *f)
{
    if (f->stream != NULL)
        fclose(f->stream);
    if (f->temporary[0] != '\0')
        unlink(f->temporary);
    free(f->room);
    f->stream = NULL;
    f->room = NULL;
}
