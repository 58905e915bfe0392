/*
 * Small files that others may read at any moment: readers see the old contents or the
 * new, never a mixture. Symbolic links are not followed: the folder may belong to
 * somebody else while the process is root's.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>

/* Writes PATH.new and renames it to PATH. False: errno has the reason, and the file is
 * unchanged. EPERM: it is a device, such as /dev/null. */
bool file_replace(const char *path, const char *text);

/* Reads the number at the start of the file. False: *number is unchanged; errno is ENOENT
 * if there is no file, else it has the reason. */
bool file_read_number(const char *path, long *number);

#endif
