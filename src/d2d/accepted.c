#include "accepted.h"

#include "cli.h"
#include "output.h"

#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

void message_id_make(char out[MESSAGE_ID_CAP])
{
    uint8_t raw[16] = {0};
    struct buf text = buf_over(out, MESSAGE_ID_CAP);

    if (getrandom(raw, sizeof raw, 0) != sizeof raw)
        complain("no random number could be read for the message id");
    raw[6] = (uint8_t)(0x40 | (raw[6] & 0x0F)); /* RFC 9562: version 4 */
    raw[8] = (uint8_t)(0x80 | (raw[8] & 0x3F));
    for (size_t i = 0; i < sizeof raw; i++)
        buf_printf(&text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", raw[i]);
    out[text.len] = 0;
}

void accepted_begin(struct accepted *a, enum out_format format)
{
    static const struct column columns[] = {{"messageId", "MESSAGE", 36}, {"deviceId", "DEVICE", 0}, {0}};

    a->quiet = format == OUT_AUTO && isatty(STDOUT_FILENO);
    out_begin(&a->out, format, columns, "messageId");
}

bool accepted_put(struct accepted *a, const char *message_id, const char *device)
{
    if (output_flush()) /* else an earlier message is the one whose row is lost */
        cli_done(A_THING, "the message");
    return a->quiet || out_row(&a->out, json_pack("{ss ss}", "messageId", message_id, "deviceId", device));
}
