/* Options of a command, as one table: what it says is what is parsed, what --help and the manual page tell, and what
 * the shells complete. A parsed value lands at its option's offset in a struct of the command. */
#pragma once

#include "bytes.h"

enum opt_type {
    OPT_FLAG,     /* int: how often it was given; takes no value */
    OPT_TEXT,     /* const char *: lent from argv, never empty */
    OPT_INPUT,    /* the same, and the name of a file that is there, can be read, and is not empty */
    OPT_LIST,     /* struct opt_list: it may be given again and again */
    OPT_BUFFER,   /* char[most]: a copy, which may be empty */
    OPT_INT,      /* int from least to most */
    OPT_NUMBER,   /* uint64_t from least to most */
    OPT_DURATION, /* int64_t: milliseconds, from least to most (most 0: no limit) */
    OPT_SIZE,     /* uint64_t: bytes */
    OPT_CHOICE,   /* int or an enum: least and the index among the words of `argument` ("json|table|tsv") */
};

/* Kinds of values and arguments, for completion. */
enum opt_what { OPT_ANY, OPT_FILE, OPT_FOLDER, OPT_DEVICE, OPT_CONTEXT };

struct opt {
    const char *name;     /* "content-type"; of one letter: a short option */
    const char *argument; /* "FILE", "T", "N", "a|b|c"; NULL: it takes none */
    const char *help;
    enum opt_type type;
    size_t offset;
    int64_t least, most;
    enum opt_what what;
    char letter; /* a short form: 'o' of "output"; 0: none */
};

enum { OPT_LIST_CAP = 256, OPT_WHY_CAP = 512, OPT_GIVEN_CAP = 512 };

struct opt_list {
    const char *at[OPT_LIST_CAP];
    size_t n;
};

/* Options (ended by one without a name) and the struct in which they land. */
struct opt_table {
    const struct opt *opts; /* also NULL */
    void *values;
    bool once; /* none may be given twice; without it the last one counts, so that a script's can be overridden */
};

/* An option as the command line has it, before its value is taken. */
struct opt_given {
    const struct opt *opt;
    void *values;
    const char *text; /* NULL of a flag */
};

struct opt_line {
    struct opt_given given[OPT_GIVEN_CAP];
    size_t n_given;
    int n_args; /* arguments, moved to argv[1] and after */
};

/* Finds the options of argv, which stand in any order with the arguments; "--" ends them. False: `why` tells. */
bool opt_scan(const struct opt_table *tables, size_t n_tables, int argc, char **argv, struct opt_line *out,
              char why[OPT_WHY_CAP]);
/* Puts each where it belongs. False: `why` names the option, what is wrong with its value, and what it takes. */
bool opt_apply(const struct opt_line *line, char why[OPT_WHY_CAP]);
/* Takes a value. `name` is how its user wrote it: "--ttl", "D2DHUB_USER". */
bool opt_take(const struct opt *opt, const char *name, const char *text, void *values, char why[OPT_WHY_CAP]);

/* Whether a file can be read from: it is there, no folder, and not empty. "-" is standard input, "handle:..." a key
 * elsewhere. */
bool opt_input(const char *name, const char *path, char why[OPT_WHY_CAP]);

/* "--to", "-p" */
const char *opt_spelling(const struct opt *opt, char out[48]);
/* The index of `text` among the words of "a|b|c"; -1: it is none of them. */
int opt_choice(const char *choices, const char *text);
/* "1h", "90s": the largest unit that says it without a fraction. */
const char *opt_duration(int64_t ms, char out[32]);
/* A word as it may be shown: long ones are cut, and what holds a key is not shown at all. */
const char *opt_shown(const char *text, char out[100]);
