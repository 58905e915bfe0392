/*
 * dump and load: all items of a server to a file, and of a file or another server to a
 * server.
 *
 *   dump    source -> file
 *   load    file or source -> target
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "ctl/dump_file.h"
#include "ctl/progress.h"
#include "ctl/source.h"
#include "ctl/subcommands.h"
#include "ctl/target.h"

enum { TIMEOUT_MS = 10000 };

#define HERE "127.0.0.1:11211"

struct load_options {
#define OPTION_LOAD(name, type, preset, min, max, form, help) OPTION_MEMBER_##type(name)
#include "ctl/ctl_option_rows.h"
};

static const struct option_row rows[] = {
#define OPTION_LOAD(name, type, preset, min, max, form, help)                            \
    OPTION_ROW(#name, 0, type, struct load_options, name, preset, min, max, form, help),
#include "ctl/ctl_option_rows.h"
};

#define OPTION_LOAD(name, type, preset, min, max, form, help) OPTION_WHOLE(#name, help)
#include "ctl/ctl_option_rows.h"

static unsigned timeout_of(const struct common_options *common)
{
    return common->timeout != 0 ? (unsigned)common->timeout : (unsigned)TIMEOUT_MS;
}

static int complain(const char *why, int code)
{
    fprintf(stderr, "mcreplctl: %s\n", why);
    return code;
}

static int complain_of_file(const char *path)
{
    fprintf(stderr, "mcreplctl: cannot read %s: %s%s\n", path, strerror(errno),
            strchr(path, '/') == NULL ? "; a server is HOST:PORT" : "");
    return EXIT_NOT;
}

/* ---- dump */

struct dump {
    struct dump_file file;
    struct progress progress;
};

static bool take_to_file(void *context, const struct item *it)
{
    struct dump *d = context;
    progress_add(&d->progress, it->nkey + it->nvalue);
    return dump_file_put(&d->file, it);
}

static int dump(struct dump *d, struct source *s, const char *path)
{
    const struct item_taker taker = { take_to_file, d };
    if (!dump_file_create(&d->file, path))
        return complain(d->file.why, EXIT_NOT);
    progress_begin(&d->progress, s->items);
    bool ok = source_each(s, &taker);
    progress_end(&d->progress);
    if (!ok)
        return complain(s->why[0] != '\0' ? s->why : d->file.why,
                        s->why[0] != '\0' ? EXIT_UNREACHABLE : EXIT_NOT);
    if (!dump_file_finish(&d->file))
        return complain(d->file.why, EXIT_NOT);
    printf("%" PRIu64 " items, %" PRIu64 " bytes, in %.1f s; %" PRIu64
           " had gone when their value was read\n",
           d->progress.items, d->progress.bytes, progress_seconds(&d->progress), s->gone);
    return EXIT_SUCCESS;
}

int dump_command(struct common_options *common, int argc, char **argv)
{
    static struct dump d;
    struct source s;
    int at = options_words(common, NULL, 2, argc, argv);
    if (at == argc || argv[at][0] == '\0')
        options_refuse("dump needs the name of a file");
    int code = source_open(&s, at + 1 < argc ? argv[at + 1] : HERE, timeout_of(common))
                   ? dump(&d, &s, argv[at])
                   : complain(s.why, EXIT_UNREACHABLE);
    dump_file_close(&d.file);
    source_close(&s);
    return code;
}

/* ---- load */

struct load {
    struct target target;
    struct progress progress;
};

static bool take_to_target(void *context, const struct item *it)
{
    struct load *l = context;
    progress_add(&l->progress, it->nkey + it->nvalue);
    return target_put(&l->target, it);
}

static int report(const struct load *l, uint64_t gone)
{
    const struct target *t = &l->target;
    printf("%" PRIu64 " items stored, %" PRIu64
           " bytes sent, in %.1f s; not stored: %" PRIu64 " that the server had, %" PRIu64
           " expired, %" PRIu64 " gone, %" PRIu64 " refused\n",
           t->sent - t->kept - t->refused, t->bytes, progress_seconds(&l->progress),
           t->kept, t->expired, gone, t->refused);
    return t->refused == 0 ? EXIT_SUCCESS : complain(t->first_error, EXIT_NOT);
}

/* why: the source's reason; if it is empty, the target has one. */
static int end(struct load *l, bool ok, const char *why, int code, uint64_t gone)
{
    if (ok)
        ok = target_finish(&l->target);
    progress_end(&l->progress);
    if (ok)
        return report(l, gone);
    if (why[0] != '\0')
        return complain(why, code);
    return complain(l->target.server.why, EXIT_UNREACHABLE);
}

static int load_file(struct load *l, const char *path)
{
    static struct dump_file f;
    const struct item_taker taker = { take_to_target, l };
    int code = EXIT_NOT;
    if (dump_file_open(&f, path)) {
        progress_begin(&l->progress, f.items);
        code = end(l, dump_file_each(&f, &taker), f.why, EXIT_NOT, 0);
    } else {
        complain(f.why, code);
    }
    dump_file_close(&f);
    return code;
}

static int load_server(struct load *l, const char *address, unsigned timeout_ms)
{
    struct source s;
    const struct item_taker taker = { take_to_target, l };
    int code = EXIT_UNREACHABLE;
    if (source_open(&s, address, timeout_ms)) {
        progress_begin(&l->progress, s.items);
        bool ok = source_each(&s, &taker);
        code = end(l, ok, s.why, EXIT_UNREACHABLE, s.gone);
    } else {
        complain(s.why, code);
    }
    source_close(&s);
    return code;
}

/* HOST:PORT, unless it has a slash or there is such a file. */
static bool is_address(const char *text)
{
    FILE *file = strchr(text, '/') == NULL ? fopen(text, "re") : NULL;
    if (file != NULL)
        fclose(file);
    return file == NULL && strchr(text, '/') == NULL && strchr(text, ':') != NULL;
}

int load_command(struct common_options *common, int argc, char **argv)
{
    static struct load l;
    struct load_options given = { 0 };
    const struct option_table own = { rows, N_ELEMENTS(rows), &given };
    int at = options_words(common, &own, 2, argc, argv), code;
    if (at == argc || argv[at][0] == '\0')
        options_refuse("load needs the name of a file, or HOST:PORT");
    if (!is_address(argv[at]) && access(argv[at], R_OK) != 0)
        return complain_of_file(argv[at]);
    if (!target_open(&l.target, at + 1 < argc ? argv[at + 1] : HERE,
                     timeout_of(common))) {
        code = complain(l.target.server.why, EXIT_UNREACHABLE);
    } else {
        l.target.replace = given.replace;
        l.target.with_cas = given.cas;
        code = is_address(argv[at]) ? load_server(&l, argv[at], timeout_of(common))
                                    : load_file(&l, argv[at]);
    }
    target_close(&l.target);
    return code;
}

void load_help(FILE *out)
{
    fputs("\nload:\n", out);
    option_help(rows, N_ELEMENTS(rows), out);
}
