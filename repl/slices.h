/*
 * What the replication thread asks of the scheduler. That thread only.
 */
#ifndef REPL_SLICES_H
#define REPL_SLICES_H

#include <stdint.h>

/* It has little to do at a time, and others wait for it: it asks for short slices, and so
 * for early ones (Linux 6.12; others take no notice). Any thread may. Another policy that
 * somebody has chosen for the process stays. */
void slices_be_short(void);

/* While it always has more to do, as in a copy: lets others run that wait for this core.
 * Otherwise one that wakes would wait for the end of a slice, for which the scheduler
 * often looks at its next tick only, up to 10 ms later. Those who keep the core busy must
 * not starve the copy: so this thread works for as long as it has given way. *again_us:
 * when it will give way again; 0 at first. */
void slices_give_way(uint64_t *again_us);

#endif
