/* Functions over texts. Lengths and places are those of UTF-16 (service 6.6). */
#pragma once

#include "function.h"

struct value text_starts(const struct call *);
struct value text_ends(const struct call *);
struct value text_contains(const struct call *);
struct value text_index(const struct call *);
struct value text_length(const struct call *);
struct value text_lower(const struct call *);
struct value text_upper(const struct call *);
struct value text_part(const struct call *);
struct value text_concat(const struct call *);
struct value text_as_number(const struct call *);
