/*
 * States of a virtual bucket, a fixed share of all keys that can move between nodes.
 * Engines without virtual buckets accept every number, and clients send 0.
 */
#ifndef MEMCACHED_VBUCKET_H
#define MEMCACHED_VBUCKET_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    vbucket_state_active = 1, /* serves reads and writes */
    vbucket_state_replica,    /* accepts changes only from the active one */
    vbucket_state_pending,    /* about to become active; clients wait */
    vbucket_state_dead        /* answers nothing */
} vbucket_state_t;

#define is_valid_vbucket_state_t(state)                                                  \
    ((state) == vbucket_state_active || (state) == vbucket_state_replica ||              \
     (state) == vbucket_state_pending || (state) == vbucket_state_dead)

#ifdef __cplusplus
}
#endif

#endif
