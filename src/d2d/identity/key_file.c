#include "key_file.h"

#include "ceilings.h"
#include "files.h"
#include "text.h"

#include <stdio.h>
#include <sys/random.h>

enum { FILE_MAX = 512 };

static bool take_line(struct bytes *rest, char out[KEY_CAP])
{
    struct bytes line = bytes_trim(bytes_cut(rest, '\n'));
    uint8_t raw[KEY_LEN_MAX];
    size_t len;
    bool good = !line.len || (!base64_decode(line, raw, sizeof raw, &len) && len >= KEY_LEN_MIN);

    explicit_bzero(raw, sizeof raw);
    return good && bytes_to_str(line, out, KEY_CAP);
}

enum status key_file_read(const char *path, char first[KEY_CAP], char *second)
{
    struct buf file = buf_max(FILE_MAX);
    enum err e = file_read(path, &file);
    struct bytes rest = buf_bytes(&file);
    bool good = !e && take_line(&rest, first) && first[0] && (!second || take_line(&rest, second));

    if (!good)
        complain("%s: %s", path,
                 e ? err_text(e) : "a key must be 16 to 64 bytes in base64; this file has no key in its first line");
    if (file.at)
        explicit_bzero(file.at, file.cap);
    buf_free(&file);
    return good ? DONE : USAGE;
}

bool key_make(char out[KEY_CAP])
{
    uint8_t raw[32];
    struct buf text = buf_over(out, KEY_CAP - 1);
    bool made = getrandom(raw, sizeof raw, 0) == (ssize_t)sizeof raw;

    buf_put_base64(&text, bytes_of(raw, sizeof raw));
    out[text.len] = 0;
    made = made && !text.bad;
    if (!made)
        explicit_bzero(out, KEY_CAP);
    explicit_bzero(raw, sizeof raw);
    return made;
}
