/* A list of certificates is taken apart: the last one is the authority, those before it are the chain. Who is let in is
 * let in for a while that has not ended. */
#include "cert.h"
#include "chain.h"

#include <stdlib.h>

#define NOW_MS 1767225600000LL /* the corpus is valid a day before and a day after */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct bytes chain, struct bytes authorities)
{
    int64_t until_ms = 0;
    char why[CHAIN_WHY_CAP] = "";
    enum err e = chain_check(chain, authorities, BYTES("device-1"), NOW_MS, &until_ms, why);

    if (e ? !why[0] : until_ms < NOW_MS)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes all = bytes_of(data, size);
    struct buf der = buf_max(64 * 1024), again = buf_max(64 * 1024);
    struct cert_facts facts;
    size_t last = 0;

    for (struct rd r = rd_over(all); rd_left(&r) && !r.bad;) {
        last = all.len - rd_left(&r);
        rd_str32(&r);
    }
    check(bytes_first(all, last), bytes_skip(all, last));
    check(all, all);
    if (!cert_to_der(all, &der)) {
        if (cert_to_der(buf_bytes(&der), &again) || !bytes_eq(buf_bytes(&der), buf_bytes(&again)))
            abort();
        if (!cert_read(buf_bytes(&der), &facts) && strlen(facts.subject) >= sizeof facts.subject)
            abort();
    }
    buf_free(&der);
    buf_free(&again);
    return 0;
}
