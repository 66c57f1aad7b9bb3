/* Walks a bag, writes what it found as a bag, and finds the same in it. */
#include "bag.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t room_a[65536], room_b[65536 * 4];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size < sizeof room_a ? size : sizeof room_a), bag = in, again;
    struct bag_room room = {room_a, sizeof room_a}, more = {room_b, sizeof room_b};
    struct buf b = buf_max(sizeof room_b);
    struct bag_pair p, q;
    struct d2c_topic t;
    bool first = true;

    if (d2c_topic_parse(in, &t))
        bag = t.bag;
    struct bytes rest = bag;
    while (bag_next(&rest, &room, &p)) {
        if (!p.name.len && !p.value.at)
            continue; /* an empty name without a value is written as nothing */
        bag_put(&b, first, p.name, p.value);
        first = false;
    }
    room = (struct bag_room){room_a, sizeof room_a};
    again = buf_bytes(&b);
    rest = bag;
    while (bag_next(&rest, &room, &p)) {
        if (!bag_next(&again, &more, &q))
            abort();
        /* Text that is not UTF-8 stays escaped on the way back. */
        if (bytes_find(q.name, '%') == q.name.len && !bytes_eq(p.name, q.name))
            abort();
    }
    buf_free(&b);
    return 0;
}
