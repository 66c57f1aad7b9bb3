#include "selector.h"

#include "compile.h"
#include "condition.h"

#define ANNOTATION "amqp.annotation."
#define SENDER ANNOTATION "iothub-connection-device-id"

/* A value on the stack of the program, and what it says. */
struct term {
    enum { WORD, QUOTED, SAYS } kind;
    struct bytes text;      /* a word, or what stands in quotes */
    size_t at;              /* where it begins */
    bool position, senders; /* SAYS: so that AND and OR can tell what they join */
};

struct reader {
    struct compiler c;
    struct selector *out;
    struct term stack[CONDITION_STACK_MAX];
    size_t n;
};

static struct bytes shown(struct bytes text)
{
    return bytes_first(text, 60);
}

/* ---- devices --------------------------------------------------------------------------------------------------- */

static void keep_sender(struct reader *r, const struct term *id)
{
    struct selector *s = r->out;
    uint8_t *at = s->text + s->text_len;

    for (size_t i = 0; i < s->n_devices; i++)
        if (bytes_eq(s->devices[i], id->text))
            return;
    if (s->n_devices == FILTER_DEVICES_MAX) {
        lexer_wrong_at(&r->c.lexer, ERR_LIMIT, id->at, "a selector names at most %d devices", FILTER_DEVICES_MAX);
        return;
    }
    memcpy(at, id->text.at, id->text.len); /* it fits: they are parts of a text that does */
    s->text_len += id->text.len;
    s->devices[s->n_devices++] = bytes_of(at, id->text.len);
}

static void take_sender(struct reader *r, const struct term *id)
{
    if (id->kind != QUOTED)
        lexer_wrong_at(&r->c.lexer, ERR_MALFORMED, id->at, "a device id must be in quotes, unlike '%.*s'",
                       BYTES_ARG(shown(id->text)));
    else if (!id->text.len || id->text.len > ID_LEN_MAX)
        lexer_wrong_at(&r->c.lexer, ERR_MALFORMED, id->at, "this is not a device id: '%.*s'",
                       BYTES_ARG(shown(id->text)));
    else
        keep_sender(r, id);
}

/* ---- positions ------------------------------------------------------------------------------------------------- */

/* service 2.6; FROM_EARLIEST: it is none. */
static int position_of(struct bytes name)
{
    static const struct {
        const char *name;
        int from;
    } positions[] = {
        {ANNOTATION "x-opt-offset", FROM_OFFSET},
        {ANNOTATION "x-opt-sequence-number", FROM_SEQUENCE},
        {ANNOTATION "x-opt-enqueued-time", FROM_TIME},
        {ANNOTATION "x-opt-enqueuedtimeutc", FROM_TIME},
    };

    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++)
        if (bytes_eq(name, bytes_str(positions[i].name)))
            return positions[i].from;
    return FROM_EARLIEST;
}

/* Offsets and sequence numbers are decimal, -1 is before the first, @latest behind the last; some clients quote, some
 * do not. */
static void take_position(struct reader *r, const struct term *name, const struct term *value, bool inclusive)
{
    struct position *at = &r->out->position;
    int from = position_of(name->text);

    *at = (struct position){.from = from, .inclusive = inclusive};
    if (value->kind != SAYS && bytes_eq_nocase(value->text, BYTES("@latest")) && from != FROM_TIME)
        *at = (struct position){.from = FROM_LATEST};
    else if (value->kind == SAYS || !bytes_to_i64(value->text, &at->value))
        lexer_wrong_at(&r->c.lexer, ERR_MALFORMED, value->at, "'%.*s' is not a value of %.*s",
                       BYTES_ARG(shown(value->text)), BYTES_ARG(shown(name->text)));
    else if (at->value < 0)
        *at = (struct position){.from = FROM_EARLIEST};
}

/* ---- terms ----------------------------------------------------------------------------------------------------- */

static struct term pop(struct reader *r)
{
    return r->stack[--r->n];
}

static void push(struct reader *r, struct term t)
{
    r->stack[r->n++] = t;
}

static void join(struct reader *r, bool with_and)
{
    struct term right = pop(r), left = pop(r);
    const char *wrong = NULL;

    if (with_and && left.position && right.position)
        wrong = "a selector has only one position: another comes with AND";
    else if (with_and && left.senders && right.senders)
        wrong = "name all devices in one IN or with OR, not with AND";
    else if (!with_and && (left.position || right.position))
        wrong = "only devices can be alternatives with OR";
    if (wrong)
        lexer_wrong_at(&r->c.lexer, ERR_MALFORMED, right.at, "%s", wrong);
    push(r, (struct term){.kind = SAYS,
                          .at = left.at,
                          .position = left.position || right.position,
                          .senders = left.senders || right.senders});
}

static void compare(struct reader *r, const struct step *s)
{
    struct term value = pop(r), name = pop(r);
    bool more = s->op == OP_MORE || s->op == OP_MORE_EQUAL;
    struct term says = {.kind = SAYS, .at = name.at, .position = position_of(name.text) != FROM_EARLIEST};

    says.senders = bytes_eq(name.text, BYTES(SENDER));
    if (name.kind != WORD || (!says.position && !says.senders))
        lexer_wrong_at(&r->c.lexer, ERR_MALFORMED, name.at, "a selector cannot ask for '%.*s'",
                       BYTES_ARG(shown(name.text)));
    else if (says.position && !more)
        lexer_wrong_at(&r->c.lexer, ERR_MALFORMED, s->at, "a position is compared with > or >=, and only with one");
    else if (says.senders && s->op != OP_EQUAL && s->op != OP_IN)
        lexer_wrong_at(&r->c.lexer, ERR_MALFORMED, s->at, "after " SENDER " must come = or IN");
    else if (says.position)
        take_position(r, &name, &value, s->op == OP_MORE_EQUAL);
    else
        take_sender(r, &value);
    if (s->op == OP_IN) /* the next element needs the name again */
        says = name;
    push(r, says);
}

static struct term term_of(const struct reader *r, const struct step *s)
{
    if (s->op == OP_PATH)
        return (struct term){.kind = WORD, .at = s->at, .text = program_paths(r->c.program)[s->to].whole};
    return (struct term){.kind = QUOTED, .at = s->at, .text = program_constants(r->c.program)[s->to].text};
}

static void look(struct reader *r, const struct step *s)
{
    switch ((enum op)s->op) {
    case OP_PATH:
    case OP_CONSTANT:
        push(r, term_of(r, s));
        break;
    case OP_AND:
    case OP_OR:
        join(r, s->op == OP_AND);
        break;
    case OP_AND_THEN:
    case OP_OR_ELSE:
        break;
    case OP_IN_END:
        push(r, (struct term){.kind = SAYS, .at = pop(r).at, .senders = true});
        break;
    case OP_EQUAL:
    case OP_UNEQUAL:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_MORE:
    case OP_MORE_EQUAL:
    case OP_IN:
        compare(r, s);
        break;
    default:
        lexer_wrong_at(&r->c.lexer, ERR_MALFORMED, s->at, "a selector cannot ask for this");
        break;
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

static enum err compile(struct reader *r, struct bytes text, struct condition **program, struct complaint *why)
{
    enum err e = compiler_open(&r->c, &dialect_selector, text, program, why);

    if (e)
        return e;
    if (r->c.lexer.token.kind == TOKEN_END)
        lexer_wrong_at(&r->c.lexer, ERR_MALFORMED, 0, "a name is missing: the selector is empty");
    compile_condition(&r->c);
    return compiler_close(&r->c);
}

enum err selector_parse(struct bytes text, struct selector *out, struct complaint *why)
{
    struct reader r;
    struct condition *program;
    const struct step *steps = NULL;
    size_t n = 0;
    enum err e;

    r.out = out;
    r.n = 0;
    out->position = (struct position){.from = FROM_EARLIEST};
    out->has_position = false;
    out->n_devices = out->text_len = 0;
    if (!(e = compile(&r, text, &program, why)))
        steps = program_steps(program, &n);
    for (size_t i = 0; i < n && !why->e; i++)
        look(&r, &steps[i]);
    if (e == ERR_UNSUPPORTED) /* parentheses; to a receiver one kind of wrong is as any other */
        e = why->e = ERR_MALFORMED;
    if (!e && !(e = why->e))
        out->has_position = r.stack[0].position;
    condition_free(program);
    return e;
}
