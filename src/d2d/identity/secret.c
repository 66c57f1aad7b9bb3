#include "secret.h"

#include "output.h"

#include <string.h>

enum { ARRIVES_MS = 10000, SECRET_MAX = 16 * 1024 };

static enum status said(const struct secret *s, enum err e, const char *why)
{
    if (!e)
        return DONE;
    complain("%s: %s", s->file.path, why);
    return e == ERR_IO ? FAILED : REFUSED;
}

enum status secret_open(struct secret *s, const char *path, bool replace)
{
    const char *why = "";
    enum err e;

    *s = (struct secret){.to_file = path != NULL};
    e = path ? new_file_open(&s->file, path, replace, &why) : OK;
    return said(s, e, why);
}

void secret_form(struct secret *s, enum out_format format, const struct column *columns, const char *raw)
{
    out_begin(&s->out, s->to_file || format == OUT_AUTO ? OUT_RAW : format, columns, raw);
}

enum status secret_write(struct secret *s, json_t *row)
{
    struct buf line = buf_max(SECRET_MAX);
    const char *why = "";
    enum status status = FAILED; /* main() says why */

    if (!out_line(&s->out, row, &line))
        output_fail();
    else if (s->to_file)
        status = said(s, new_file_write(&s->file, buf_bytes(&line), &why), why);
    else if (output_put(buf_bytes(&line)))
        status = DONE;
    if (line.at)
        explicit_bzero(line.at, line.cap);
    buf_free(&line);
    return status;
}

enum status secret_arrived(const struct secret *s)
{
    enum output_state state = s->to_file ? OUTPUT_ARRIVED : output_wait(ARRIVES_MS);

    if (state == OUTPUT_ARRIVED)
        return DONE;
    if (cli_interrupted)
        return INTERRUPTED;
    if (state == OUTPUT_WAITS)
        complain("standard output was not read within %d s; --out FILE does not need a reader", ARRIVES_MS / 1000);
    return FAILED;
}

enum status secret_keep(struct secret *s)
{
    const char *why = "";
    enum err e = s->to_file ? new_file_keep(&s->file, &why) : OK;

    if (s->to_file && !e)
        say("written to %s, readable by you only", s->file.path);
    return said(s, e, why);
}

void secret_close(struct secret *s)
{
    if (s->to_file)
        new_file_close(&s->file);
}

static enum status keep_and_close(struct secret *s, enum status status)
{
    if (!status)
        status = secret_keep(s);
    secret_close(s);
    return status;
}

enum status secret_put(struct secret *s, json_t *row)
{
    return keep_and_close(s, secret_write(s, row));
}

enum status secret_put_text(struct secret *s, const char *text)
{
    const char *why = "";
    enum err e = new_file_write(&s->file, bytes_str(text), &why);

    return keep_and_close(s, said(s, e, why));
}
