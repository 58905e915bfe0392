/*
 * Marks the symbols that a shared object exports when it is compiled with hidden
 * visibility.
 */
#ifndef MEMCACHED_VISIBILITY_H
#define MEMCACHED_VISIBILITY_H

#ifdef __GNUC__
#define MEMCACHED_PUBLIC_API __attribute__((visibility("default")))
#else
#define MEMCACHED_PUBLIC_API
#endif

#endif
