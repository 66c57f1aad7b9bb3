/* Names, and what they lead to. */
#include "emit.h"

#include "function.h"

static void put_part(struct compiler *c, struct path *path, struct path_part part)
{
    if (path->n == CONDITION_PATH_MAX) {
        lexer_wrong(&c->lexer, ERR_UNSUPPORTED, "a path has too many names at");
        return;
    }
    buf_put(&c->program->parts, bytes_of(&part, sizeof part));
    path->n++;
}

size_t put_path(struct compiler *c, const struct path *path)
{
    size_t place = count_of(&c->program->paths, sizeof *path);

    buf_put(&c->program->paths, bytes_of(path, sizeof *path));
    return place;
}

size_t compile_path(struct compiler *c, struct bytes *last)
{
    struct lexer *l = &c->lexer;
    struct path path = {.root = PATH_PLAIN};
    size_t begin = l->token.at, end = begin;

    lexer_bracket(l);
    while (l->token.kind == TOKEN_WORD) {
        put_part(c, &path, (struct path_part){.name = l->token.raw});
        if (last)
            *last = l->token.raw;
        end = l->token.at + l->token.raw.len + (l->token.bracketed ? strlen("[[]]") : 0);
        lexer_next(l);
        if (!l->dialect->dots || !lexer_is_mark(l, "."))
            break;
        lexer_next_name(l);
        if (l->token.kind != TOKEN_WORD)
            lexer_wrong(l, ERR_MALFORMED, "a name is missing after a dot, at");
    }
    path.whole = bytes_of(l->text + begin, end - begin);
    return put_path(c, &path);
}

bool cut_path(struct compiler *c, struct path *path, struct bytes rest)
{
    while (rest.at) {
        struct bytes name = bytes_cut(&rest, '.');
        size_t bracket = bytes_find(name, '[');
        uint64_t index = 0;

        if (!bracket || !name.len)
            return false;
        put_part(c, path, (struct path_part){.name = bytes_first(name, bracket)});
        if (bracket == name.len)
            continue;
        name = bytes_skip(name, bracket + 1);
        if (name.len < 2 || name.at[name.len - 1] != ']' || !bytes_to_u64(bytes_first(name, name.len - 1), &index) ||
            index > UINT32_MAX)
            return false;
        put_part(c, path, (struct path_part){.index = (uint32_t)index});
    }
    return path->n > 0;
}

void compile_property(struct compiler *c, bool braces)
{
    struct lexer *l = &c->lexer;
    struct bytes name = l->token.raw;
    struct path path = {.root = PATH_PLAIN, .whole = name, .braces = braces};
    size_t at = l->token.at;
    unsigned type = TYPE_TEXT | TYPE_UNDEFINED;

    if (name.at[0] == '$' && name.len > 1)
        path.root = bytes_starts_nocase(name, BYTES("$body."))   ? PATH_BODY
                    : bytes_starts_nocase(name, BYTES("$twin.")) ? PATH_TWIN
                    : braces                                     ? PATH_SYSTEM
                                                                 : PATH_DOLLAR;
    if (path.root == PATH_BODY || path.root == PATH_TWIN) {
        type = TYPE_LOOSE;
        if (!cut_path(c, &path, bytes_skip(name, strlen("$body."))))
            lexer_wrong(l, ERR_MALFORMED, "this is not a path:");
    } else {
        put_part(c, &path, (struct path_part){.name = bytes_skip(name, path.root != PATH_PLAIN)});
    }
    /* A property that may be missing is still a text. */
    if (type != TYPE_LOOSE)
        type = TYPE_TEXT;
    lexer_next(l);
    emit(c, (struct step){.op = OP_PATH, .at = (uint16_t)at, .to = (uint32_t)put_path(c, &path)}, 0, type);
}
