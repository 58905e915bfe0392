/*
 * Small files that others read at any moment: they see the old contents or the new, never
 * half. Symbolic links are not followed: the folder may be somebody else's, and the
 * process root's.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>

/* Written beside, as PATH.new, and moved into place. False: errno says why it stands as
 * it was. */
bool file_replace(const char *path, const char *text);

/* The number that the file begins with. False: *number is as it was; errno is ENOENT if
 * there is none, and else says why it could not be learned. */
bool file_read_number(const char *path, long *number);

#endif
