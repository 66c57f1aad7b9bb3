/* A string that parses can be written, and is the same when parsed again; of another it is said what is wrong. */
#include "connstr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf b = buf_max(1 << 20);
    char said[CONNSTR_FAULT_CAP];
    struct connstr c, d;

    if (!connstr_parse(bytes_of(data, size), &c)) {
        if (connstr_put(&c, &b) || connstr_parse(buf_bytes(&b), &d) || !bytes_eq(c.host, d.host) || c.port != d.port ||
            !bytes_eq(c.device, d.device) || !bytes_eq(c.key, d.key) || c.kind != d.kind)
            abort();
    } else if (!*connstr_fault(bytes_of(data, size), said)) {
        abort();
    }
    buf_free(&b);
    return 0;
}
