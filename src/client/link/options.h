/* Options as this version of the library has them, from whatever version of d2d.h a program was compiled with: what is
 * shorter there is zero here, what is longer there has to be zero. */
#pragma once

#include "loop.h"

/* Of others that begin with their size. False: they do not say it, or ask for more than there is. */
bool options_copy(const void *given, void *out, size_t size);

enum d2d_err options_take(struct d2d_loop *, const struct d2d_options *given, struct d2d_options *out);
/* Of the options that begin with a size and the common ones: `size` bytes into `out`. */
enum d2d_err options_take_all(struct d2d_loop *, const void *given, void *out, size_t size);
/* The common ones of those. */
const struct d2d_options *options_common(const void *options);
