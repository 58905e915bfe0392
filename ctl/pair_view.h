/* Both nodes side by side, for people: this one's figures, and what its peer has told it.
 */
#ifndef CTL_PAIR_VIEW_H
#define CTL_PAIR_VIEW_H

#include "ctl/figures.h"
#include "ctl/screen.h"

/* before: as in figures_print. */
void pair_view_print(const struct screen *s, FILE *out, const struct figures *f,
                     const struct figures *before, double seconds);

#endif
