/* The common part of the commands about enrollments. */
#pragma once

#include "cli.h"

/* The data of a call of the library; `text` is what the service answered. */
struct enroll_call {
    enum d2d_err (*make)(struct d2d_registry *registry, struct enroll_call *call);
    const char *name;
    int group; /* one of a group, or of one device */
    char *json;
    char after[D2D_AFTER_CAP];
    char *text; /* given to whoever reads it */
};

enum d2d_enrollment enroll_kind(const struct enroll_call *);
enum status enroll_do(struct cli *c, struct enroll_call *call);
/* Rows of enrollments: with `whole`, all that the service tells is in them. Given; takes nothing. */
extern const struct column enroll_columns[];
json_t *enroll_row(json_t *enrollment, bool whole);
/* Prints the one enrollment that is in call->text. */
enum status enroll_print(const struct cli *c, struct enroll_call *call, bool whole);
