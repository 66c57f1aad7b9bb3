/* Values, which conditions compute with, and rows, which they ask for them. */
#pragma once

#include "bytes.h"
#include "ceilings.h"

enum value_kind {
    VALUE_UNDEFINED, /* there is none */
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_DOUBLE,
    VALUE_TEXT,
    VALUE_ARRAY, /* both only by their handle, which means something to the row that gave it */
    VALUE_OBJECT,
};

struct value {
    enum value_kind kind;
    bool loose;    /* from a JSON body: a route compares it with what is of another kind, too (service 6.5) */
    bool metadata; /* what is known about an object, and not what is in it: the row's own */
    union {
        bool yes;
        int64_t integer;
        double number;
        struct bytes text; /* lent by the row, the program or the scratch */
        const void *handle;
    };
};

static inline struct value value_undefined(void)
{
    return (struct value){.kind = VALUE_UNDEFINED};
}

static inline struct value value_null(void)
{
    return (struct value){.kind = VALUE_NULL};
}

static inline struct value value_bool(bool yes)
{
    return (struct value){.kind = VALUE_BOOL, .yes = yes};
}

static inline struct value value_int(int64_t integer)
{
    return (struct value){.kind = VALUE_INT, .integer = integer};
}

static inline struct value value_double(double number)
{
    return (struct value){.kind = VALUE_DOUBLE, .number = number};
}

static inline struct value value_text(struct bytes text)
{
    return (struct value){.kind = VALUE_TEXT, .text = text};
}

static inline bool value_is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_DOUBLE;
}

static inline double value_number(const struct value *v)
{
    return v->kind == VALUE_INT ? (double)v->integer : v->number;
}

/* The places in which a route looks (service 6.3); everything else has PATH_PLAIN only. */
enum path_root {
    PATH_PLAIN,  /* a member of the document, an application property in any case, an annotation */
    PATH_DOLLAR, /* $name: an application property of that name with its $, else the system property */
    PATH_SYSTEM, /* {$name}: only the system property */
    PATH_BODY,   /* $body.path: likewise, the names are those behind $body; `whole` is all of it */
    PATH_TWIN,   /* $twin.path */
    PATH_CHANGE, /* what twin_change_includes() asks for: a boolean is the answer */
};

/* A name, or with name.at == NULL the place in an array. */
struct path_part {
    struct bytes name;
    uint32_t index;
};

struct path {
    uint8_t root; /* enum path_root */
    uint8_t n;
    bool braces;        /* {$body…}: no application property may stand for it */
    uint16_t slot;      /* the row's own, 0 after the compiler: which of its members that is */
    struct bytes whole; /* as it is written */
    const struct path_part *at;
};

/* Room for texts that a condition or its row makes, for as long as one row is looked at. A text that does not fit is
 * undefined. It also counts what is done: bytes of texts, elements of lists. */
struct scratch {
    size_t len, work;
    uint8_t text[CONDITION_SCRATCH];
};

static inline void scratch_clear(struct scratch *s)
{
    s->len = s->work = 0;
}

/* NULL: there is no room. */
static inline uint8_t *scratch_take(struct scratch *s, size_t n)
{
    uint8_t *at = s->text + s->len;

    if (n > sizeof s->text - s->len)
        return NULL;
    s->len += n;
    return at;
}

/* Something that a condition is about: a device, a document, a message. */
struct row {
    const void *of;
    /* The value at a path; *out is VALUE_UNDEFINED before, and stays so where there is none. `spelled` (NULL: nobody
     * asks) becomes the last name of the path as the row has it, where that is not as it was written. */
    void (*get)(const struct row *, const struct path *, struct scratch *, struct value *out, struct bytes *spelled);
    /* The nth of an array that get() gave; false: it has no more. NULL: there are no arrays. */
    bool (*element)(const struct row *, const struct value *array, size_t n, struct value *out);
};
