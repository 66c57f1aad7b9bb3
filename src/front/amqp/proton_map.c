#include "proton_map.h"

bool proton_map_begin(pn_data_t *map)
{
    if (!map)
        return false;
    pn_data_rewind(map);
    return pn_data_next(map) && pn_data_type(map) == PN_MAP && pn_data_enter(map);
}

struct bytes proton_text(pn_atom_t a)
{
    if (a.type != PN_STRING && a.type != PN_SYMBOL)
        return NO_BYTES;
    return a.u.as_bytes.start ? bytes_of(a.u.as_bytes.start, a.u.as_bytes.size) : BYTES("");
}

bool proton_map_next(pn_data_t *map, struct bytes *key)
{
    while (pn_data_next(map)) {
        *key = proton_text(pn_data_get_atom(map));
        if (!pn_data_next(map))
            return false;
        if (key->at)
            return true;
    }
    return false;
}
