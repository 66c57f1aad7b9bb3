/* Rows that a command prints. For people a table, for machines one JSON object a line. Messages go to stdout, talk to
 * stderr. */
#pragma once

#include "buf.h"

#include <jansson.h>

enum out_format { OUT_AUTO, OUT_TABLE, OUT_JSON, OUT_TSV, OUT_RAW };

/* A column of tables and TSV: a member of the row's object. */
struct column {
    const char *key, *title;
    int width; /* at least; the last column is never padded */
};

struct out {
    enum out_format format;
    const struct column *columns; /* NULL key at the end */
    const char *raw;              /* the member that OUT_RAW prints */
    bool titled;                  /* the head line stands there */
};

/* OUT_AUTO becomes a table on a terminal and JSON in a pipe. */
void out_begin(struct out *o, enum out_format format, const struct column *columns, const char *raw);
enum { OUT_LINE_MAX = 8 * 1024 * 1024 };
/* Appends the row to `line`, with a head line before the first of a table. Takes the object over. Control characters of
 * values are escaped on a terminal, so that a message cannot drive it. False without memory. */
bool out_line(struct out *o, json_t *given, struct buf *line);
/* Prints it. False: it is not out, and main() will say so. */
bool out_row(struct out *o, json_t *given);
/* For a table: a time that the hub writes for "never" (service 4.3: the year 1) becomes "-". */
void out_never(json_t *row);
/* A JSON text that the library gave, parsed and freed; NULL and a message when it is none. */
json_t *out_parsed(char *given);
/* "table", "json", "tsv", "raw"; false when it is none of these. */
bool out_format_parse(const char *text, enum out_format *format);

/* Talk for people: to stderr, a line each, nothing with --quiet. */
extern bool out_quiet;
void say(const char *format, ...) PRINTF_LIKE(1, 2);
/* "d2d: …" on standard error, also with --quiet; and a line below it: what to do. */
void complain(const char *format, ...) PRINTF_LIKE(1, 2);
void advise(const char *format, ...) PRINTF_LIKE(1, 2);
/* The same of a text that begins with its own "d2d send: ". */
void complain_text(const char *text);
