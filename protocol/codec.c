#include "protocol/codec.h"

#include "protocol/frame.h"

const struct codec *codec_for_first_byte(uint8_t byte)
{
    return byte == FRAME_REQUEST ? &binary_codec : &text_codec;
}
