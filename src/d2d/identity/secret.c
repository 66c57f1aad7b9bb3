#include "secret.h"

#include "output.h"

enum { ARRIVES_MS = 10000 };

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

enum status secret_write(struct secret *s, const char *text)
{
    const char *why = "";
    enum err e;

    if (s->to_file) {
        e = new_file_write(&s->file, bytes_str(text), &why);
        return said(s, e, why);
    }
    return output_put(bytes_str(text)) ? DONE : FAILED; /* main() says why */
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

enum status secret_put(struct secret *s, const char *text)
{
    enum status status = secret_write(s, text);

    if (!status)
        status = secret_keep(s);
    secret_close(s);
    return status;
}
