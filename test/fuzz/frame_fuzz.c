/* The check that each AMQP frame passes before Proton sees it: what it takes, Proton's decoder takes without a fault,
 * and it reads no byte behind the frame. */
#include "amqp_wire.h"

#include <proton/codec.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct amqp_attach attach = {0};
    uint8_t *exact = malloc(size + 8);
    struct bytes frame = bytes_of(exact, size + 8);
    pn_data_t *values;

    if (!exact)
        return 0;
    memcpy(exact,
           (const uint8_t[]){(uint8_t)((size + 8) >> 24), (uint8_t)((size + 8) >> 16), (uint8_t)((size + 8) >> 8),
                             (uint8_t)(size + 8), 2, 0, 0, 0},
           8);
    memcpy(exact + 8, data, size);
    if (!amqp_frame_check(frame, 256, &attach) && (values = pn_data(16))) {
        struct bytes rest = bytes_skip(frame, 8);
        ssize_t n = pn_data_decode(values, (const char *)rest.at, rest.len);

        if (n > 0 && (size_t)n > rest.len)
            abort();
        pn_data_free(values);
    }
    free(exact);
    return 0;
}
