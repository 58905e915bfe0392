#include "server/uri.h"

#include <string.h>

char *uri_encode(char *to, const void *key, size_t nkey)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    const unsigned char *at = key;
    for (size_t i = 0; i < nkey; i++) {
        if (at[i] != 0 && strchr(plain, at[i]) != NULL) {
            *to++ = (char)at[i];
            continue;
        }
        *to++ = '%';
        *to++ = digits[at[i] >> 4];
        *to++ = digits[at[i] & 15];
    }
    return to;
}
