#include "key.h"

#include "digest.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

struct memory_key {
    struct key key;
    size_t len;
    uint8_t raw[KEY_TEXT_MAX];
};

static enum err memory_sign(struct key *k, struct bytes text, struct signing *signing)
{
    const struct memory_key *m = (const struct memory_key *)(void *)k;

    hmac_sha256(bytes_of(m->raw, m->len), text, signing->mac);
    signing->e = OK;
    signing->done(signing);
    return OK;
}

static void memory_drop(struct key *k)
{
    OPENSSL_cleanse(k, sizeof(struct memory_key));
    free(k);
}

static const struct key_ops memory_ops = {memory_sign, memory_drop};

enum err key_in_memory(struct bytes raw, struct key **out)
{
    struct memory_key *m;

    if (!raw.len || raw.len > sizeof m->raw)
        return ERR_ARGUMENT;
    m = calloc(1, sizeof *m);
    if (!m)
        return ERR_MEMORY;
    m->key.ops = &memory_ops;
    m->len = raw.len;
    memcpy(m->raw, raw.at, raw.len);
    *out = &m->key;
    return OK;
}

enum err key_of_base64(struct bytes text, struct key **out)
{
    uint8_t raw[KEY_LEN_MAX];
    size_t len;
    enum err e = base64_decode(text, raw, sizeof raw, &len);

    if (!e)
        e = key_in_memory(bytes_of(raw, len), out);
    OPENSSL_cleanse(raw, sizeof raw);
    return e;
}

enum err key_in_file(const char *path, struct key **out)
{
    char line[KEY_TEXT_MAX + 2];
    FILE *f = fopen(path, "r");
    enum err e = ERR_MALFORMED;

    if (!f)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (fgets(line, sizeof line, f))
        e = key_of_base64(bytes_trim(bytes_str(line)), out);
    else if (ferror(f))
        e = ERR_IO;
    fclose(f);
    OPENSSL_cleanse(line, sizeof line);
    return e;
}

void key_drop(struct key *k)
{
    if (k)
        k->ops->drop(k);
}
