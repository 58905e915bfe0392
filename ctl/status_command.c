/* status: the figures of a node and its peer, once or again and again. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/monotonic.h"
#include "ctl/figures.h"
#include "ctl/pair_view.h"
#include "ctl/screen.h"
#include "ctl/subcommands.h"
#include "ctl/units.h"

enum { TIMEOUT_MS = 2000 };

static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
    (void)number;
    is_over = 1;
}

/* What one round needs of the one before. */
struct watch {
    const struct common_options *common;
    struct screen screen;
    struct ask ask;
    bool connected;
    struct figures shown[2];
    unsigned round;           /* its lowest bit: whose turn it is in `shown` */
    uint64_t read_us;         /* when the figures before were read; 0: there are none */
    uint64_t silent_since_us; /* 0: the node answers */
    double seconds;           /* between two rounds */
};

static void show(const struct watch *w, FILE *out, const struct figures *f,
                 const struct figures *before, double seconds)
{
    const struct common_options *c = w->common;
    if (c->json)
        figures_print_json(out, f);
    else if (c->pair || (w->screen.is_terminal && !c->plain))
        pair_view_print(&w->screen, out, f, before, seconds);
    else
        figures_print(out, f, before, seconds);
}

static bool reach(struct watch *w)
{
    const struct common_options *c = w->common;
    if (!w->connected)
        w->connected = ask_open(&w->ask, c->socket,
                                c->timeout != 0 ? (unsigned)c->timeout : TIMEOUT_MS);
    return w->connected;
}

/* False: why has the reason, and the connection is closed. */
static bool read_figures(struct watch *w, struct figures *f, const char **why, int *code)
{
    *code = EXIT_UNREACHABLE;
    *why = w->ask.why;
    if (!reach(w))
        return false;
    enum answer answer = figures_read(&w->ask, f, why);
    if (answer == ANSWER_OK)
        return true;
    *code = answer == ANSWER_FAILED ? EXIT_UNREACHABLE : EXIT_NOT;
    ask_close(&w->ask);
    w->connected = false;
    return false;
}

/* ---- once */

static int show_once(struct watch *w)
{
    const char *why;
    int code;
    if (!read_figures(w, &w->shown[0], &why, &code)) {
        fprintf(stderr, "mcreplctl: %s\n", why);
        return code;
    }
    show(w, stdout, &w->shown[0], NULL, 0);
    ask_close(&w->ask);
    return EXIT_SUCCESS;
}

/* ---- again and again */

static void head(const struct watch *w, FILE *out)
{
    char now[UNITS_ROOM], line[120];
    if (!w->screen.is_terminal)
        return;
    snprintf(line, sizeof(line), "%s  every %g s; Ctrl-C ends it\n\n",
             units_clock(now, 0), w->seconds);
    screen_tint(&w->screen, out, TINT_DIM, line);
}

/* Without a terminal it is said once for each silence. */
static void show_silence(struct watch *w, FILE *out, const char *why)
{
    char since[UNITS_ROOM], past[UNITS_ROOM], line[500];
    uint64_t now = monotonic_us();
    bool is_new = w->silent_since_us == 0;
    if (is_new)
        w->silent_since_us = now;
    uint64_t silent_us = now - w->silent_since_us;
    w->read_us = 0; /* rates over a restart mean nothing */
    if (!w->screen.is_terminal && !is_new)
        return;
    head(w, out);
    units_clock(since, silent_us / 1000);
    if (w->screen.is_terminal)
        snprintf(line, sizeof(line), "no answer since %s (%s)", since,
                 units_duration(past, silent_us));
    else
        snprintf(line, sizeof(line), "no answer since %s", since);
    screen_tint(&w->screen, out, TINT_BAD, line);
    fprintf(out, ": %s\n", why);
}

static void show_figures(struct watch *w, FILE *out, const struct figures *f)
{
    uint64_t now = monotonic_us();
    const struct figures *before = w->read_us != 0 ? &w->shown[1 - w->round % 2] : NULL;
    head(w, out);
    show(w, out, f, before, (double)(now - w->read_us) / 1e6);
    if (!w->screen.is_terminal)
        fputc('\n', out);
    w->read_us = now;
    w->silent_since_us = 0;
    w->round++;
}

static void rest(double seconds)
{
    struct timespec pause = { .tv_sec = (time_t)seconds };
    pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
    nanosleep(&pause, NULL); /* a signal ends it early */
}

static int show_ever(struct watch *w)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    while (!is_over) {
        struct figures *f = &w->shown[w->round % 2];
        const char *why;
        int code;
        bool ok = read_figures(w, f, &why, &code);
        if (is_over || !screen_begin(&w->screen))
            break;
        if (ok)
            show_figures(w, w->screen.frame, f);
        else
            show_silence(w, w->screen.frame, why);
        if (!screen_end(&w->screen))
            break; /* the reader has closed the pipe */
        rest(w->seconds);
    }
    screen_close(&w->screen);
    ask_close(&w->ask);
    return EXIT_SUCCESS;
}

static double seconds_of(const char *text)
{
    char *end;
    double seconds = strtod(text, &end);
    if (*end != '\0' || !(seconds >= 0.1 && seconds <= 3600))
        options_refuse("--watch takes 0.1 to 3600 seconds, not '%s'", text);
    return seconds;
}

int status_command(struct common_options *common, int argc, char **argv)
{
    static struct watch w;
    common->takes = OPTIONS_STATUS;
    int at = options_words(common, NULL, 1, argc, argv);
    if (at < argc && !common->watch)
        options_refuse("status takes a word only with --watch: remove '%s'", argv[at]);
    if (common->json + common->plain + common->pair > 1)
        options_refuse("only one of --json, --plain and --pair");
    w.common = common;
    w.seconds = at < argc ? seconds_of(argv[at]) : 1;
    screen_open(&w.screen);
    return common->watch ? show_ever(&w) : show_once(&w);
}
