/* CRC-32C (Castagnoli), with the processor's instruction where there is one. */
#pragma once

#include "bytes.h"

/* Goes on from `crc`; 0 begins. */
uint32_t crc32c(uint32_t crc, struct bytes b);
