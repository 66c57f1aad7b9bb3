/* Maps as Proton decodes them: properties of links and messages, filters. */
#pragma once

#include "bytes.h"

#include <proton/codec.h>

/* False: it is no map (or NULL). */
bool proton_map_begin(pn_data_t *map);
/* The next pair whose key is text, with the value where pn_data_get_atom() finds it. False: there is none. */
bool proton_map_next(pn_data_t *map, struct bytes *key);
/* A string or a symbol; NO_BYTES: it is neither. */
struct bytes proton_text(pn_atom_t);
