#include "ids.h"

#include <stdlib.h>

enum err ids_open(struct ids *ids, size_t max)
{
    *ids = (struct ids){
        .names = malloc((max + 1) * sizeof *ids->names), .order = malloc((max + 1) * sizeof *ids->order), .max = max};
    if (ids->names && ids->order)
        return OK;
    ids_close(ids);
    return ERR_MEMORY;
}

void ids_close(struct ids *ids)
{
    free(ids->names);
    free(ids->order);
    ids->names = NULL;
    ids->order = NULL;
}

bool ids_add(struct ids *ids, struct bytes id)
{
    size_t low = 0, high = ids->n;
    uint32_t place;

    if (ids->n && bytes_cmp(bytes_str(ids_at(ids, ids->n - 1)), id) < 0)
        low = high; /* most come in order */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = bytes_cmp(bytes_str(ids_at(ids, middle)), id);

        if (c == 0)
            return true;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == ids->max)
        return false;
    /* The largest makes room for it. */
    place = ids->n == ids->max ? ids->order[--ids->n] : (uint32_t)ids->n;
    if (!bytes_to_str(id, ids->names[place], sizeof *ids->names))
        return true; /* no name has a NUL */
    memmove(&ids->order[low + 1], &ids->order[low], (ids->n - low) * sizeof *ids->order);
    ids->order[low] = place;
    ids->n++;
    return true;
}

void ids_put(const struct ids *ids, struct buf *out)
{
    for (size_t i = 0; i < ids->n; i++)
        buf_put(out, bytes_of(ids_at(ids, i), strlen(ids_at(ids, i)) + 1));
}
