/* Which partition the events of a device go to (service 2.12): the one that the cloud's own tools compute from its id,
 * so that whoever listens to one device knows where. The hash is Bob Jenkins' lookup3 for two values, with seeds 0. */
#include "partition_key.h"

#include "core.h"

enum { LOGICAL = 32767 };

struct lookup {
    uint32_t a, b, c;
};

static uint32_t turn(uint32_t v, int by)
{
    return v << by | v >> (32 - by);
}

/* x loses y, is crossed with y turned, and y grows by z. */
static void stir(uint32_t *x, uint32_t *y, uint32_t z, int by)
{
    *x = (*x - *y) ^ turn(*y, by);
    *y += z;
}

static void mix(struct lookup *l)
{
    stir(&l->a, &l->c, l->b, 4);
    stir(&l->b, &l->a, l->c, 6);
    stir(&l->c, &l->b, l->a, 8);
    stir(&l->a, &l->c, l->b, 16);
    stir(&l->b, &l->a, l->c, 19);
    stir(&l->c, &l->b, l->a, 4);
}

/* x is crossed with y and loses y turned. */
static void settle(uint32_t *x, uint32_t y, int by)
{
    *x = (*x ^ y) - turn(y, by);
}

static void finish(struct lookup *l)
{
    settle(&l->c, l->b, 14);
    settle(&l->a, l->c, 11);
    settle(&l->b, l->a, 25);
    settle(&l->c, l->b, 16);
    settle(&l->a, l->c, 4);
    settle(&l->b, l->a, 14);
    settle(&l->c, l->b, 24);
}

static uint32_t word(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void add(struct lookup *l, const uint8_t block[12])
{
    l->a += word(block);
    l->b += word(block + 4);
    l->c += word(block + 8);
}

/* Twelve bytes at a time; the last block is finished and not mixed. */
static struct lookup lookup3(struct bytes key)
{
    uint32_t start = 0xdeadbeef + (uint32_t)key.len;
    struct lookup l = {start, start, start};
    uint8_t last[12] = {0};

    for (; key.len > 12; key = bytes_skip(key, 12)) {
        add(&l, key.at);
        mix(&l);
    }
    if (!key.len)
        return l;
    memcpy(last, key.at, key.len);
    add(&l, last);
    finish(&l);
    return l;
}

unsigned partition_logical(struct bytes device)
{
    uint8_t upper[ID_LEN_MAX];
    size_t len = device.len < sizeof upper ? device.len : sizeof upper;

    for (size_t i = 0; i < len; i++)
        upper[i] = device.at[i] >= 'a' && device.at[i] <= 'z' ? (uint8_t)(device.at[i] - 'a' + 'A') : device.at[i];
    struct lookup l = lookup3(bytes_of(upper, len));
    int value = (int16_t)(uint16_t)(l.c ^ l.b);
    return (unsigned)(value < 0 ? -value : value) % LOGICAL;
}

unsigned partition_by_id(struct bytes device, unsigned n)
{
    unsigned logical = partition_logical(device), width = LOGICAL / n, wider = LOGICAL - n * width;

    /* The first ones are one wider. */
    if (logical < wider * (width + 1))
        return logical / (width + 1);
    return wider + (logical - wider * (width + 1)) / width;
}
