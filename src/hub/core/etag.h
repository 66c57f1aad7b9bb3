/* The version of something as others see it. */
#pragma once

#include "core.h"

/* Another one than `before`: base64 of a random number as text (service 4.3). */
void make_etag(struct hub *h, const char *before, char out[24]);
