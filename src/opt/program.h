/* A program of several commands: which one was meant, and its help, manual page and completion, all from the same
 * tables. */
#pragma once

#include "buf.h"
#include "opt.h"

enum { OPT_MANY = 1 << 20 };

struct opt_command {
    const char *name;     /* "device add" */
    const char *usage;    /* "DEVICE..." */
    const char *summary;  /* what it does, in one line */
    const char *examples; /* lines, each with its new line */
    const struct opt *options,
        *more;                 /* `more` is shared with other commands, and has a title of its own; each may be NULL */
    int least, most;           /* arguments */
    enum opt_what first, rest; /* what they are */
    bool words;                /* they name nothing, and may be empty: messages */
    const char *deed;          /* of one that changes something and then prints: "was added". NULL: none */
};

struct opt_program {
    const char *name, *version;
    const char *head; /* what its help begins with: what it is, and examples */
    const char *tail; /* and ends with: exit statuses and the like */
    const struct opt *common;
    const char *common_title, *more_title;          /* above their list */
    const struct opt_command *(*command)(size_t i); /* NULL after the last one */
};

/* Finds the command that argv (from 1) begins with and how many of its words are its name. Aliases are the same
 * command: ls and list, rm and delete and remove. NULL: `out` tells what to print, and `status` how to end: 0 for a
 * help that was asked for. */
const struct opt_command *opt_find(const struct opt_program *p, int argc, char **argv, int *words, struct buf *out,
                                   int *status);
/* Finds the options of argv, which begins with the command's last word; `values` is for its own and more, `common` for
 * the others. opt_apply() takes them. */
bool opt_scan_command(const struct opt_program *p, const struct opt_command *c, void *common, void *values, int argc,
                      char **argv, struct opt_line *line, char why[OPT_WHY_CAP]);
/* Whether the arguments are as many as the command takes, and none of them is empty that names something. */
bool opt_count(const struct opt_command *c, const struct opt_line *line, char **argv, char why[OPT_WHY_CAP]);

void opt_put_help(const struct opt_program *p, const struct opt_command *c, struct buf *out);
/* "send: --ttl must be …", the usage and where to read more. */
void opt_put_misuse(const struct opt_program *p, const struct opt_command *c, const char *why, struct buf *out);
/* A manual page (roff): the template, in which the lines "@commands@", "@more@" and "@options@" become those. False: it
 * has not each of them that there is something for. */
bool opt_put_manual(const struct opt_program *p, struct bytes template, struct buf *out);

/* Words that may replace the last one of argv, each with a tab and its description: for the shells. ":file" and
 * ":folder" alone in a line stand for names of files. Words of other kinds come from `names`. */
typedef void opt_names(enum opt_what what, int argc, char **argv, struct buf *out);
void opt_put_completion(const struct opt_program *p, int argc, char **argv, opt_names *names, struct buf *out);

/* Answers what no user types: "--version", "--complete WORD...", "--manual TEMPLATE". False: argv is none of them. */
bool opt_answer(const struct opt_program *p, int argc, char **argv, opt_names *names, struct buf *out, int *status);
