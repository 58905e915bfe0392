/*
 * Features of our own that an engine may list in its get_info, in addition to those of
 * the interface. Identifiers with the highest bit set are free for such use. The
 * description is compared too, so that somebody else's number is not mistaken for ours.
 */
#ifndef BASE_FEATURE_H
#define BASE_FEATURE_H

#include <memcached/engine.h>

/* Tap iterators return live items only, several may run at once, and ON_DISCONNECT ends
 * an iterator at any position. TAP_PAUSE is not an end: there is no memory to continue
 * now, and the iterator may be called again later. Nor is TAP_NOOP: there was no item to
 * show for a while, and the iterator may be called again at once. */
#define FEATURE_LIVE_SCAN      0x80000a01u
#define FEATURE_LIVE_SCAN_TEXT "live tap iterators"

/* item_set_cas on a stored item also raises the engine's own CAS counter. */
#define FEATURE_CAS_CLOCK      0x80000a02u
#define FEATURE_CAS_CLOCK_TEXT "CAS counter follows item_set_cas"

/* The description of the feature with this id and this very text, or NULL. For an
 * extension of the interface it is also the beginning of the extension's struct. */
const char *feature_find(const engine_info *info, uint32_t id, const char *text);

#endif
