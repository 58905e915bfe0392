#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "mcd: internal check failed at %s:%d: %s; stopping\n", file, line,
            what);
    abort();
}
