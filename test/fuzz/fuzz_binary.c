/* Packets of the binary protocol from any client. */
#include "test/fuzz/fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fuzz_codec(&binary_codec, bytes, n);
    return 0;
}
