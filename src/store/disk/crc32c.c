#include "crc32c.h"

#include <pthread.h>

static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ 0x82F63B78 : c >> 1;
        table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xFF];
}

static uint64_t load_le(const uint8_t *at)
{
    uint64_t v;

    memcpy(&v, at, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* Eight bytes at a step, each looked up in a table of its own. */
static uint32_t by_table(uint32_t crc, const uint8_t *at, size_t len)
{
    pthread_once(&table_once, make_table);
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t v = load_le(at) ^ crc;

        crc = 0;
        for (int k = 0; k < 8; k++)
            crc ^= table[7 - k][v >> 8 * k & 0xFF];
    }
    while (len--)
        crc = crc >> 8 ^ table[0][(crc ^ *at++) & 0xFF];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *at, size_t len)
{
    uint64_t c = crc;

    for (; len >= 8; at += 8, len -= 8)
        c = __builtin_ia32_crc32di(c, load_le(at));
    crc = (uint32_t)c;
    while (len--)
        crc = __builtin_ia32_crc32qi(crc, *at++);
    return crc;
}

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}
#else
static uint32_t by_instruction(uint32_t crc, const uint8_t *at, size_t len)
{
    return by_table(crc, at, len);
}

static bool has_instruction(void)
{
    return false;
}
#endif

uint32_t crc32c(uint32_t crc, struct bytes b)
{
    crc = ~crc;
    crc = has_instruction() ? by_instruction(crc, b.at, b.len) : by_table(crc, b.at, b.len);
    return ~crc;
}
