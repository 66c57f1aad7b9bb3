#include "manifest.h"

#include "files.h"
#include "json_text.h"
#include "text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

/* A manifest is one line of JSON, and one with its checksum. */
enum { MANIFEST_MAX = 256 << 20, PATH_MAX_ = 4200 };

#define SUM_HEAD "xxh3 "

void manifest_free(struct manifest *m)
{
    free(m->files);
    free(m->damage);
    *m = (struct manifest){.made_ms = 0};
}

/* Twice as many when they run out. */
static void *grown(void *at, size_t n, size_t size)
{
    return n & (n - 1) ? at : realloc(at, (n ? 2 * n : 1) * size);
}

struct kept *manifest_add(struct manifest *m)
{
    struct kept *at = grown(m->files, m->n_files, sizeof *at);

    if (!at)
        return NULL;
    m->files = at;
    at += m->n_files++;
    *at = (struct kept){.bytes = 0};
    return at;
}

struct kept_damage *manifest_add_damage(struct manifest *m, const char *file, uint64_t offset, uint64_t length,
                                        const char *what)
{
    struct kept_damage *at = grown(m->damage, m->n_damage, sizeof *at);

    if (!at)
        return NULL;
    m->damage = at;
    at += m->n_damage++;
    *at = (struct kept_damage){.offset = offset, .length = length};
    snprintf(at->file, sizeof at->file, "%s", file);
    snprintf(at->what, sizeof at->what, "%s", what);
    return at;
}

const struct kept *manifest_find(const struct manifest *m, const char *name)
{
    for (size_t i = 0; i < m->n_files; i++)
        if (strcmp(m->files[i].name, name) == 0)
            return &m->files[i];
    return NULL;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static json_t *encode_files(const struct manifest *m)
{
    json_t *all = json_array();

    for (size_t i = 0; i < m->n_files; i++) {
        const struct kept *f = &m->files[i];

        json_array_append_new(all, json_pack("{ss,ss,sI,sI,ss,sb}", "name", f->name, "from", f->from, "bytes",
                                             (json_int_t)f->bytes, "size", (json_int_t)f->size, "xxh3", f->sum, "whole",
                                             f->whole));
    }
    return all;
}

static json_t *encode_damage(const struct manifest *m)
{
    json_t *all = json_array();

    for (size_t i = 0; i < m->n_damage; i++) {
        const struct kept_damage *d = &m->damage[i];

        json_array_append_new(all, json_pack("{ss,sI,sI,ss}", "file", d->file, "offset", (json_int_t)d->offset,
                                             "length", (json_int_t)d->length, "what", d->what));
    }
    return all;
}

static void put_sum(struct buf *out, struct bytes text)
{
    XXH128_canonical_t sum;

    XXH128_canonicalFromHash(&sum, XXH3_128bits(text.at, text.len));
    buf_puts(out, SUM_HEAD);
    buf_put_hex(out, bytes_of(sum.digest, sizeof sum.digest));
    buf_puts(out, "\n");
}

void manifest_encode(const struct manifest *m, struct buf *out)
{
    struct buf id = buf_max(2 * STORE_ID + 1);
    char made[ISO_TIME_CAP];
    json_t *root;
    char *text;

    buf_put_hex(&id, bytes_of(m->id, STORE_ID));
    iso_time(m->made_ms, made);
    root = json_pack("{si,ss,ss,sI,ss,ss,sI,sI,sI,so,so}", "format", MANIFEST_FORMAT, "version", m->version, "made",
                     made, "made_ms", (json_int_t)m->made_ms, "hub", m->hub, "store", buf_str(&id), "place",
                     (json_int_t)m->place, "end", (json_int_t)m->end, "set", (json_int_t)m->set, "files",
                     encode_files(m), "damage", encode_damage(m));
    text = root ? json_text(root, JSON_COMPACT) : NULL;
    if (text) {
        buf_printf(out, "%s\n", text);
        put_sum(out, buf_bytes(out));
    } else {
        out->bad = true;
    }
    free(text);
    json_decref(root);
    buf_free(&id);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static bool take_text(const json_t *object, const char *key, char *out, size_t cap)
{
    return bytes_to_str(bytes_str(json_string_value(json_object_get(object, key))), out, cap);
}

static bool take_number(const json_t *object, const char *key, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);

    *out = (uint64_t)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

/* At most one folder, and nothing that leads out of it. */
static bool is_name(const char *name)
{
    struct bytes rest = bytes_str(name);
    int parts = 0;

    while (rest.at) {
        struct bytes part = bytes_cut(&rest, '/');

        if (!part.len || part.at[0] == '.' || ++parts > 3)
            return false;
    }
    return parts > 0;
}

static bool decode_file(const json_t *value, struct manifest *m)
{
    struct kept *f = manifest_add(m);

    if (!f)
        return false;
    f->whole = json_is_true(json_object_get(value, "whole"));
    return take_text(value, "name", f->name, sizeof f->name) && take_text(value, "from", f->from, sizeof f->from) &&
           is_name(f->name) && is_name(f->from) && take_number(value, "bytes", &f->bytes) &&
           take_number(value, "size", &f->size) && f->bytes <= f->size &&
           take_text(value, "xxh3", f->sum, sizeof f->sum);
}

static bool decode_damage(const json_t *value, struct manifest *m)
{
    char file[KEPT_NAME_CAP], what[KEPT_WHAT_CAP];
    uint64_t offset, length;

    return take_text(value, "file", file, sizeof file) && take_text(value, "what", what, sizeof what) &&
           take_number(value, "offset", &offset) && take_number(value, "length", &length) &&
           manifest_add_damage(m, file, offset, length, what);
}

static bool decode_root(const json_t *root, struct manifest *m)
{
    const json_t *files = json_object_get(root, "files"), *damage = json_object_get(root, "damage"), *value;
    char id[2 * STORE_ID + 1];
    uint64_t made;
    size_t i, len;

    if (!take_text(root, "version", m->version, sizeof m->version) || !take_text(root, "hub", m->hub, sizeof m->hub) ||
        !take_number(root, "made_ms", &made) || !take_number(root, "place", &m->place) ||
        !take_number(root, "end", &m->end) || !take_number(root, "set", &m->set) ||
        !take_text(root, "store", id, sizeof id) || hex_decode(bytes_str(id), m->id, STORE_ID, &len) ||
        len != STORE_ID || !json_is_array(files) || !json_is_array(damage))
        return false;
    m->made_ms = (int64_t)made;
    json_array_foreach(files, i, value) if (!decode_file(value, m)) return false;
    json_array_foreach(damage, i, value) if (!decode_damage(value, m)) return false;
    return true;
}

/* The text without its last line, whose checksum it must have. */
static bool checked(struct bytes *text)
{
    struct buf wanted = buf_max(64);
    size_t line = bytes_find(*text, '\n') + 1;
    bool good;

    if (line > text->len)
        return false;
    put_sum(&wanted, bytes_first(*text, line));
    good = bytes_eq(bytes_skip(*text, line), buf_bytes(&wanted));
    *text = bytes_first(*text, line);
    buf_free(&wanted);
    return good;
}

enum err manifest_decode(struct bytes text, struct manifest *out)
{
    enum err e = ERR_DAMAGED;
    json_t *root;

    *out = (struct manifest){.made_ms = 0};
    if (!checked(&text) || !(root = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, NULL)))
        return ERR_DAMAGED;
    if (json_integer_value(json_object_get(root, "format")) > MANIFEST_FORMAT)
        e = ERR_UNSUPPORTED;
    else if (decode_root(root, out))
        e = OK;
    json_decref(root);
    if (e)
        manifest_free(out);
    return e;
}

static void path_of(const char *folder, char out[PATH_MAX_])
{
    snprintf(out, PATH_MAX_, "%s/manifest", folder);
}

enum err manifest_load(const char *folder, struct manifest *out)
{
    struct buf text = buf_max(MANIFEST_MAX);
    char path[PATH_MAX_];
    enum err e;

    *out = (struct manifest){.made_ms = 0};
    path_of(folder, path);
    if (!(e = file_read(path, &text)))
        e = manifest_decode(buf_bytes(&text), out);
    buf_free(&text);
    return e;
}

enum err manifest_save(const char *folder, const struct manifest *m)
{
    struct buf text = buf_max(MANIFEST_MAX);
    char path[PATH_MAX_];
    enum err e;

    path_of(folder, path);
    manifest_encode(m, &text);
    if (!(e = buf_check(&text)))
        e = file_write(path, buf_bytes(&text), 0600);
    buf_free(&text);
    return e;
}
