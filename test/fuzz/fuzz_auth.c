/* Clients that have not given their password. */
#include "test/fuzz/fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fuzz_codec(&auth_codec, bytes, n);
    return 0;
}
