/* Lines of the text protocol from any client. */
#include "test/fuzz/fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fuzz_codec(&text_codec, bytes, n);
    return 0;
}
