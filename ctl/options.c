#include "config.h"
#include "ctl/options.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { ROWS_MAX = 32 };

static const struct option common_rows[] = {
    { "socket", required_argument, NULL, 's' },
    { "timeout", required_argument, NULL, 't' },
    { "json", no_argument, NULL, 'j' },
    { "watch", no_argument, NULL, 'w' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
};

void options_refuse(const char *format, ...)
{
    va_list ap;
    fputs("mcreplctl: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(EXIT_USAGE);
}

unsigned options_ms(const char *option, const char *text)
{
    char *end;
    unsigned long ms = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || ms == 0 || ms > 3600000)
        options_refuse("--%s takes 1 to 3600000 milliseconds, not '%s'", option, text);
    return (unsigned)ms;
}

static bool take_common(struct common_options *common, int val)
{
    switch (val) {
    case 's':
        common->socket = optarg;
        return true;
    case 't':
        common->timeout_ms = options_ms("timeout", optarg);
        return true;
    case 'j':
        return common->json = true;
    case 'w':
        return common->watch = true;
    case 'h':
        common->usage(stdout);
        exit(EXIT_SUCCESS);
    case 'V':
        puts("mcreplctl " PACKAGE_VERSION);
        exit(EXIT_SUCCESS);
    case '?':
        options_refuse("'mcreplctl --help' shows what it takes");
    default:
        return false;
    }
}

static void parse(struct common_options *common, const struct own_options *own,
                  const char *letters, int argc, char **argv)
{
    struct option rows[ROWS_MAX] = { { NULL, 0, NULL, 0 } };
    size_t n = N_ELEMENTS(common_rows);
    int val;
    memcpy(rows, common_rows, sizeof(common_rows));
    for (size_t i = 0; own != NULL && own->rows[i].name != NULL; i++) {
        CHECK(n + 1 < ROWS_MAX);
        rows[n++] = own->rows[i];
    }
    optind = 0; /* glibc: from the start again, and with other letters */
    while ((val = getopt_long(argc, argv, letters, rows, NULL)) != -1) {
        if (!take_common(common, val) && own != NULL)
            own->take(own->context, val, optarg);
    }
}

int options_before(struct common_options *common, int argc, char **argv)
{
    parse(common, NULL, "+s:t:hV", argc, argv);
    return optind;
}

void options_after(struct common_options *common, const struct own_options *own, int argc,
                   char **argv)
{
    parse(common, own, "s:t:hV", argc, argv);
    if (own != NULL && (common->json || common->watch))
        options_refuse(STATUS_ONLY);
    if (optind < argc)
        options_refuse("only one command, please: '%s' is too much", argv[optind]);
}
