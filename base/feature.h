/*
 * Features of our own that an engine may name in its get_info, beside those that the
 * interface registers. Identifiers with the highest bit set are free for such use; the
 * description is compared too, so that nobody else's number is taken for ours.
 */
#ifndef BASE_FEATURE_H
#define BASE_FEATURE_H

/* Tap iterators return live items only, several run at once, and ON_DISCONNECT ends
 * one wherever it stands. TAP_PAUSE is no end: there is no memory to go on now, and the
 * iterator may be called again later. */
#define FEATURE_LIVE_SCAN      0x80000a01u
#define FEATURE_LIVE_SCAN_TEXT "live tap iterators"

/* item_set_cas on a stored item also raises the engine's own CAS counter. */
#define FEATURE_CAS_CLOCK      0x80000a02u
#define FEATURE_CAS_CLOCK_TEXT "CAS counter follows item_set_cas"

#endif
