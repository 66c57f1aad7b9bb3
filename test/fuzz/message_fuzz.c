/* An AMQP message of any peer, or as it is stored, becomes one of ours, and is written as it will be stored: its body
 * is the same when it is read then. What is one of ours has sections that a client of ours can read, too. */
#include "amqp_message.h"
#include "msg.h"
#include "sections.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct msg_room room, again;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf stored = buf_max(1 << 22);
    struct amqp_message sections;
    struct msg m, n;

    room.text = buf_max(1 << 22);
    again.text = buf_max(1 << 22);
    if (!msg_read(bytes_of(data, size), &room, &m)) {
        if (amqp_message_read(bytes_of(data, size), &sections))
            abort();
        put_properties(&stored, &m);
        put_application_properties(&stored, &m, false);
        put_data_head(&stored, m.body.len);
        buf_put(&stored, m.body);
        if (!stored.bad && (msg_read(buf_bytes(&stored), &again, &n) || !bytes_eq(m.body, n.body)))
            abort();
    }
    buf_free(&room.text);
    buf_free(&again.text);
    buf_free(&stored);
    return 0;
}
