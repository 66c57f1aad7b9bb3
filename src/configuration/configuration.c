#include "configuration.h"

#include "desired.h"
#include "json_body.h"
#include "map.h"
#include "twin_document.h"

#include <stdio.h>
#include <string.h>

const char *configures_name(enum configures kind)
{
    static const char *const names[CONFIGURES_KINDS] = {"deviceContent", "modulesContent", "moduleContent"};

    return names[kind];
}

/* Skips one word, whatever its case, and the blanks and ends of lines around it; false: it is another. */
static bool skip_word(struct bytes *text, struct bytes word)
{
    struct bytes rest = bytes_trim(*text);

    if (!bytes_starts_nocase(rest, word) || (rest.len > word.len && !strchr(" \t\r\n", rest.at[word.len])))
        return false;
    *text = bytes_trim(bytes_skip(rest, word.len));
    return true;
}

static enum err refused(struct complaint *why, struct bytes text, const char *what)
{
    complain(why, ERR_ARGUMENT, text, SIZE_MAX, "%s", what);
    return ERR_ARGUMENT;
}

/* Cuts the beginning off of a condition of modules. */
static bool skip_modules(struct bytes *rest)
{
    return skip_word(rest, BYTES("from")) && skip_word(rest, BYTES("devices.modules"));
}

bool configuration_is_of_modules(struct bytes text)
{
    struct bytes rest = bytes_trim(text);

    return skip_modules(&rest);
}

enum err configuration_target(struct bytes text, enum configures kind, bool *targets, struct condition **out,
                              struct complaint *why)
{
    struct bytes rest = bytes_trim(text);
    size_t n;
    enum err e;

    *out = NULL;
    *targets = rest.len > 0;
    *why = (struct complaint){.e = OK};
    if (!rest.len)
        return OK;
    if (kind == CONFIGURES_MODULES) {
        if (!skip_modules(&rest))
            return refused(why, text, "for modules it must begin with FROM devices.modules");
        if (!rest.len)
            return OK;
        if (!skip_word(&rest, BYTES("where")))
            return refused(why, text, "WHERE must follow FROM devices.modules");
    } else if (bytes_eq(rest, BYTES("*"))) {
        return OK;
    }
    if ((e = condition_compile(rest, LANGUAGE_QUERY, out, why)))
        return e == ERR_MEMORY ? e : ERR_ARGUMENT;
    struct path *paths = condition_paths(*out, &n);
    twin_document_know_paths(paths, n);
    return OK;
}

enum err configuration_content(json_t *content, enum configures *kind, json_t **settings)
{
    unsigned n = 0;

    for (int k = 0; k < CONFIGURES_KINDS; k++) {
        json_t *one = json_object_get(content, configures_name((enum configures)k));

        if (!one || json_is_null(one))
            continue;
        if (!json_is_object(one))
            return ERR_ARGUMENT;
        if (!json_object_size(one))
            continue;
        *kind = (enum configures)k;
        *settings = one;
        n++;
    }
    return n == 1 ? OK : ERR_ARGUMENT;
}

static enum err read_wishes(struct configuration *c)
{
    const char *module, *bad;
    json_t *settings, *tree;
    bool whole;
    enum err e = OK;

    if (c->kind != CONFIGURES_EDGE)
        return desired_read(c->settings, &c->wish, &whole, &bad);
    if (!(c->wish = json_object()))
        return ERR_MEMORY;
    json_object_foreach(c->settings, module, settings)
    {
        if ((e = desired_read(settings, &tree, &whole, &bad)))
            break;
        if (json_object_set_new(c->wish, module, tree))
            return ERR_MEMORY;
    }
    return e;
}

enum err configuration_read(const struct doc *doc, struct bytes body, struct configuration *out)
{
    char why[JSON_WHY_CAP];
    struct complaint complaint;
    const char *target;
    enum err e;

    *out = (struct configuration){.doc = *doc};
    if (configuration_is_gone(body))
        return OK;
    if (!(out->root = json_body(body, JSON_REJECT_DUPLICATES, why)))
        return ERR_DAMAGED;
    snprintf(out->digest, sizeof out->digest, "%llu", (unsigned long long)bytes_hash(body, 0));
    out->priority = json_integer_value(json_object_get(out->root, "priority"));
    target = json_string_value(json_object_get(out->root, "targetCondition"));
    e = configuration_content(json_object_get(out->root, "content"), &out->kind, &out->settings);
    if (!e)
        e = configuration_target(bytes_str(target), out->kind, &out->targets, &out->condition, &complaint);
    if (!e && !(e = read_wishes(out)))
        return OK;
    configuration_clear(out);
    return e == ERR_MEMORY ? e : ERR_DAMAGED;
}

void configuration_clear(struct configuration *c)
{
    json_decref(c->root);
    json_decref(c->wish);
    condition_free(c->condition);
    c->root = c->wish = NULL;
    c->condition = NULL;
}

enum err configuration_check(json_t *settings, const char **bad)
{
    struct buf text = buf_max(HTTP_BODY_MAX), nodes = buf_max(2 * HTTP_BODY_MAX);
    struct twin_fault fault;
    json_t *tree = NULL;
    bool whole;
    enum err e = json_is_object(settings) ? desired_read(settings, &tree, &whole, bad) : ERR_ARGUMENT;

    if (!e)
        e = json_put(tree, &text);
    if (!e && (text.bad || twin_parse(buf_bytes(&text), TWIN_DESIRED, false, &nodes, &fault)))
        e = ERR_ARGUMENT;
    json_decref(tree);
    buf_free(&text);
    buf_free(&nodes);
    return e;
}
