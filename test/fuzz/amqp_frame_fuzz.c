/* The look at a frame before Proton sees it, and at a message. Must reach: every performative, compounds and arrays of
 * either width, described values, and each refusal. What is fine must be fine to the byte: cut, it is not. */
#include "amqp_wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool yes)
{
    if (!yes)
        abort();
}

static void check_frame(struct bytes frame)
{
    struct amqp_attach a;

    if (amqp_frame_check(frame, AMQP_VALUES_MAX, &a))
        return;
    must(a.channel <= AMQP_CHANNEL_MAX || a.sasl);
    must(a.kept <= AMQP_VALUES_MAX);
    must(!a.has_handle || a.handle <= 0x7fffffff);
    must(!a.code || (a.code >= AMQP_CODE_OPEN && a.code <= AMQP_CODE_CLOSE));
    struct amqp_attach few;
    must(!a.kept || amqp_frame_check(frame, a.kept, &few)); /* the fields count, too */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size), part = in;
    bool bad = false;
    size_t len;

    for (struct bytes rest = in; !amqp_unit(rest, AMQP_FRAME_MAX, &len) && len; rest = bytes_skip(rest, len)) {
        must(len >= 8 && len <= rest.len);
        if (!bytes_starts(rest, BYTES("AMQP")))
            check_frame(bytes_first(rest, len));
    }
    check_frame(in);
    if (amqp_message_check(in))
        return 0;
    struct bytes rest = in;
    while (amqp_next_data(&rest, &part, &bad))
        must(part.len <= in.len);
    return 0;
}
