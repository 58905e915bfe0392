/* Loads shared objects that a user names, at start. */
#ifndef BASE_MODULE_H
#define BASE_MODULE_H

#include <stddef.h>

/* A name without a slash is looked up in directory; by a program that runs in its build
 * tree, first among what was built with it. `what` is the user's word for it, such as
 * "engine". NULL: why has a sentence for the user. */
void *module_open(const char *what, const char *name, const char *directory, char *why,
                  size_t nwhy);

#endif
