/*
 * Runs random schedules of two nodes, for as long as you like.
 *
 *   sim [--seconds N] [--schedules N] [--seed N] [--jobs N]
 *
 * Without --seconds and --schedules it runs only the schedule of --seed. FAKE_LOG=1
 * shows everything that happens. Exit code 1: a schedule failed; its seed is printed.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/sim/schedule.h"

enum { JOBS_MAX = 64 };

struct campaign {
    uint64_t seconds, schedules, seed, jobs;
};

struct tally {
    uint64_t schedules, steps;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool is_over(const struct campaign *c, const struct tally *t, double end)
{
    if (c->schedules > 0 && t->schedules * c->jobs >= c->schedules)
        return true;
    return c->seconds > 0 && now() >= end;
}

/* Run every jobs-th seed, from the first one on. */
static int work(const struct campaign *c, uint64_t job, int out)
{
    struct tally t = { 0 };
    double end = now() + (double)c->seconds;
    char why[400];
    int code = EXIT_SUCCESS;
    for (uint64_t seed = c->seed + job; code == 0 && !is_over(c, &t, end);
         seed += c->jobs) {
        if (!schedule_run(seed, &t.steps, why, sizeof(why))) {
            printf(
                "schedule %llu: %s\nagain: sim --seed %llu, with FAKE_LOG=1 to see it\n",
                (unsigned long long)seed, why, (unsigned long long)seed);
            code = EXIT_FAILURE;
        }
        t.schedules++;
    }
    fflush(stdout);
    if (write(out, &t, sizeof(t)) != sizeof(t))
        code = EXIT_FAILURE;
    return code;
}

/* The first job that fails ends the others. */
static int await_jobs(const struct campaign *c, const pid_t *pids, int in,
                      struct tally *sum)
{
    int status, code = EXIT_SUCCESS;
    for (uint64_t job = 0; job < c->jobs; job++) {
        struct tally t = { 0 };
        bool ended = wait(&status) > 0 && WIFEXITED(status);
        if (ended && read(in, &t, sizeof(t)) == sizeof(t)) {
            sum->schedules += t.schedules;
            sum->steps += t.steps;
        }
        if (ended && status == 0)
            continue;
        for (uint64_t other = 0; other < c->jobs && code == EXIT_SUCCESS; other++)
            kill(pids[other], SIGTERM);
        code = EXIT_FAILURE;
    }
    return code;
}

static int run_jobs(const struct campaign *c, struct tally *sum)
{
    pid_t pids[JOBS_MAX];
    int pipes[2];
    if (pipe(pipes) != 0)
        return EXIT_FAILURE;
    fflush(stdout);
    for (uint64_t job = 0; job < c->jobs; job++) {
        pids[job] = fork();
        if (pids[job] == 0)
            _exit(work(c, job, pipes[1]));
        if (pids[job] < 0)
            return EXIT_FAILURE;
    }
    int code = await_jobs(c, pids, pipes[0], sum);
    close(pipes[0]);
    close(pipes[1]);
    return code;
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t n = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0') {
        fprintf(stderr, "sim: '%s' is not a number\n", text);
        exit(2);
    }
    return n;
}

/* False: an option is wrong; stderr says so. */
static bool parse(struct campaign *c, int argc, char **argv)
{
    static const struct option options[] = {
        { "seconds", required_argument, NULL, 't' },
        { "schedules", required_argument, NULL, 'n' },
        { "seed", required_argument, NULL, 's' },
        { "jobs", required_argument, NULL, 'j' },
        { NULL, 0, NULL, 0 },
    };
    int letter;
    while ((letter = getopt_long(argc, argv, "t:n:s:j:", options, NULL)) != -1) {
        if (letter == 't')
            c->seconds = number(optarg);
        else if (letter == 'n')
            c->schedules = number(optarg);
        else if (letter == 's')
            c->seed = number(optarg);
        else if (letter == 'j')
            c->jobs = number(optarg);
        else
            break;
    }
    bool ok = letter == -1 && c->jobs > 0 && c->jobs <= JOBS_MAX;
    if (!ok)
        fprintf(stderr,
                "usage: sim [--seconds N] [--schedules N] [--seed N] [--jobs 1..%d]\n",
                JOBS_MAX);
    return ok;
}

int main(int argc, char **argv)
{
    struct campaign c = { .seed = 1, .jobs = 1 };
    struct tally sum = { 0 };
    double start = now();
    if (!parse(&c, argc, argv))
        return 2;
    if (c.seconds == 0 && c.schedules == 0)
        c.schedules = c.jobs = 1;
    int code = run_jobs(&c, &sum);
    printf("%llu schedules, %llu steps, %.1f s: %s\n", (unsigned long long)sum.schedules,
           (unsigned long long)sum.steps, now() - start,
           code == EXIT_SUCCESS ? "all held" : "it did not hold");
    return code;
}
