#include "opt.h"

#include "near.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static PRINTF_LIKE(2, 3) bool refuse(char why[OPT_WHY_CAP], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, OPT_WHY_CAP, format, args);
    va_end(args);
    return false;
}

const char *opt_spelling(const struct opt *opt, char out[48])
{
    snprintf(out, 48, "%s%s", opt->name[1] ? "--" : "-", opt->name);
    return out;
}

const char *opt_duration(int64_t ms, char out[32])
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;

    while (ms % units[i].ms)
        i++;
    snprintf(out, 32, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
    return out;
}

/* Keys have no place in what is printed, nor on a command line, which every user of the machine can read. */
static bool holds_key(const char *text)
{
    static const char *const marks[] = {"sharedaccesskey=", "sharedaccesssignature "};

    for (const char *at = text; *at; at++)
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
            if (bytes_starts_nocase(bytes_str(at), bytes_str(marks[i])))
                return true;
    return false;
}

const char *opt_shown(const char *text, char out[100])
{
    if (holds_key(text))
        snprintf(out, 100, "(a connection string)");
    else if (strlen(text) < 80)
        snprintf(out, 100, "%s", text);
    else
        snprintf(out, 100, "%.76s...", text);
    for (char *at = out; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = '?';
    return out;
}

int opt_choice(const char *choices, const char *text)
{
    struct bytes rest = bytes_str(choices);

    for (int i = 0; rest.at; i++)
        if (bytes_eq(bytes_cut(&rest, '|'), bytes_str(text)))
            return i;
    return -1;
}

static bool take_choice(const struct opt *opt, const char *name, const char *text, int *out, char why[OPT_WHY_CAP])
{
    char words[16][40], list[400] = "", shown[100];
    struct near near = {.said = text};
    struct bytes rest = bytes_str(opt->argument);
    int got = opt_choice(opt->argument, text);

    if (got >= 0) {
        *out = (int)opt->least + got;
        return true;
    }
    for (size_t i = 0, len = 0; rest.at && i < sizeof words / sizeof *words; i++) {
        if (!bytes_to_str(bytes_cut(&rest, '|'), words[i], sizeof words[i]))
            continue;
        near_look(&near, words[i]);
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i == 0 ? "" : rest.at ? ", " : " or ", words[i]);
    }
    return refuse(why, "%s must be %s, not \"%s\"%s%s%s", name, list, opt_shown(text, shown),
                  near.best ? "; did you mean \"" : "", near.best ? near.best : "", near.best ? "\"?" : "");
}

static bool take_number(const struct opt *opt, const char *name, const char *text, void *out, char why[OPT_WHY_CAP])
{
    uint64_t n;
    char shown[100];

    if (!bytes_to_u64(bytes_str(text), &n) || n < (uint64_t)opt->least || n > (uint64_t)opt->most)
        return refuse(why, "%s must be %lld to %lld, not \"%s\"", name, (long long)opt->least, (long long)opt->most,
                      opt_shown(text, shown));
    if (opt->type == OPT_INT)
        *(int *)out = (int)n;
    else
        *(uint64_t *)out = n;
    return true;
}

static bool take_duration(const struct opt *opt, const char *name, const char *text, int64_t *out,
                          char why[OPT_WHY_CAP])
{
    char least[32], most[32], range[100] = "", shown[100];
    int64_t ms;

    if (!duration_parse(bytes_str(text), &ms) && ms >= opt->least && (!opt->most || ms <= opt->most)) {
        *out = ms;
        return true;
    }
    if (opt->most)
        snprintf(range, sizeof range, " from %s to %s", opt_duration(opt->least, least), opt_duration(opt->most, most));
    else if (opt->least)
        snprintf(range, sizeof range, " of at least %s", opt_duration(opt->least, least));
    return refuse(why, "%s must be a duration%s (90s, 10m, 2h, 1d), not \"%s\"", name, range, opt_shown(text, shown));
}

static bool refuse_empty(const char *name, char why[OPT_WHY_CAP])
{
    return refuse(why, "%s has an empty value; leave the option out, or give it one", name);
}

static bool take_text(const char *name, const char *text, char why[OPT_WHY_CAP])
{
    if (!*text)
        return refuse_empty(name, why);
    if (holds_key(text))
        return refuse(why,
                      "%s: a key does not belong on the command line, where other users can read it; put the "
                      "connection string into a file, and give --connection-string-file FILE",
                      name);
    return true;
}

static bool take_into_list(const char *name, const char *text, struct opt_list *list, char why[OPT_WHY_CAP])
{
    if (list->n == OPT_LIST_CAP)
        return refuse(why, "%s may be given at most %d times", name, OPT_LIST_CAP);
    list->at[list->n++] = text;
    return true;
}

bool opt_input(const char *name, const char *path, char why[OPT_WHY_CAP])
{
    char here[512] = "", shown[100];
    struct stat st;
    bool empty = false;
    uint8_t byte;
    int fd;

    if (strcmp(path, "-") == 0 || bytes_starts(bytes_str(path), BYTES("handle:")))
        return true;
    opt_shown(path, shown);
    if (stat(path, &st)) {
        bool relative = path[0] != '/' && errno == ENOENT && getcwd(here, sizeof here);

        return refuse(why, errno == ENOENT ? "%s: \"%s\" does not exist%s%s" : "%s: \"%s\" cannot be read%s%s: %m",
                      name, shown, relative ? " in " : "", relative ? here : "");
    }
    if (S_ISDIR(st.st_mode))
        return refuse(why, "%s: \"%s\" is a folder; give a file", name, shown);
    if (!S_ISREG(st.st_mode))
        return true; /* what is read from a pipe is gone */
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return refuse(why, "%s: \"%s\" cannot be read: %m", name, shown);
    empty = read(fd, &byte, 1) == 0;
    close(fd);
    return !empty || refuse(why, "%s: \"%s\" is empty", name, shown);
}

bool opt_take(const struct opt *opt, const char *name, const char *text, void *values, char why[OPT_WHY_CAP])
{
    void *out = (char *)values + opt->offset;
    char shown[100];

    switch (opt->type) {
    case OPT_FLAG:
        (*(int *)out)++;
        return true;
    case OPT_TEXT:
        *(const char **)out = text;
        return take_text(name, text, why);
    case OPT_INPUT:
        *(const char **)out = text;
        return take_text(name, text, why) && opt_input(name, text, why);
    case OPT_LIST:
        return take_text(name, text, why) && take_into_list(name, text, out, why);
    case OPT_BUFFER:
        return bytes_to_str(bytes_str(text), out, (size_t)opt->most) ||
               refuse(why, "%s is longer than %lld bytes", name, (long long)opt->most - 1);
    case OPT_INT:
    case OPT_NUMBER:
        return take_number(opt, name, text, out, why);
    case OPT_DURATION:
        return take_duration(opt, name, text, out, why);
    case OPT_SIZE:
        return size_parse(bytes_str(text), out) == OK ||
               refuse(why, "%s must be a size (4096, 64m, 2g), not \"%s\"", name, opt_shown(text, shown));
    case OPT_CHOICE:
        return take_choice(opt, name, text, out, why);
    }
    return false;
}

/* ---- the line --------------------------------------------------------------------------------------------------- */

struct scan {
    const struct opt_table *tables;
    size_t n_tables;
    struct opt_line *line;
    char *why;
};

/* NULL: there is none of that name. One letter is a short option, whatever the dashes. */
static const struct opt *find(const struct scan *s, struct bytes name, bool letter, const struct opt_table **table)
{
    for (size_t t = 0; t < s->n_tables; t++) {
        for (const struct opt *o = s->tables[t].opts; o && o->name; o++) {
            bool is_short = !o->name[1];
            bool same = letter ? (is_short ? o->name[0] : o->letter) == (char)name.at[0]
                               : !is_short && bytes_eq(name, bytes_str(o->name));

            if (!same)
                continue;
            *table = &s->tables[t];
            return o;
        }
    }
    return NULL;
}

static bool unknown(struct scan *s, const char *said)
{
    char name[64], shown[100];
    struct near near = {.said = name};
    bool negative = said[0] == '-' && isdigit((unsigned char)said[1]);

    snprintf(name, sizeof name, "%.*s", (int)strcspn(said + strspn(said, "-"), "="), said + strspn(said, "-"));
    for (size_t t = 0; t < s->n_tables; t++) {
        for (const struct opt *o = s->tables[t].opts; o && o->name && !near.best; o++)
            if (strlen(name) > 2 && bytes_starts(bytes_str(o->name), bytes_str(name)))
                near.best = o->name;
    }
    for (size_t t = 0; t < s->n_tables && !(near.best && !near.distance); t++)
        for (const struct opt *o = s->tables[t].opts; o && o->name; o++)
            near_look(&near, o->name);
    if (near.best)
        return refuse(s->why, "there is no option %s; did you mean --%s?", opt_shown(said, shown), near.best);
    return refuse(s->why, "there is no option %s%s", opt_shown(said, shown),
                  negative ? "; put \"--\" before an argument that begins with \"-\"" : "");
}

static bool keep(struct scan *s, const struct opt *opt, const struct opt_table *table, const char *text)
{
    struct opt_line *line = s->line;
    char name[48];

    for (size_t i = 0; table->once && i < line->n_given && opt->type != OPT_LIST && opt->type != OPT_FLAG; i++)
        if (line->given[i].opt == opt)
            return refuse(s->why, "%s is given twice", opt_spelling(opt, name));
    if (line->n_given == OPT_GIVEN_CAP)
        return refuse(s->why, "there are more than %d options", OPT_GIVEN_CAP);
    line->given[line->n_given++] = (struct opt_given){opt, table->values, text};
    return true;
}

/* The value after an option; NULL: there is none. Another option is no value: it shows that one is missing. */
static const char *value_after(struct scan *s, int argc, char **argv, int *i)
{
    const struct opt_table *table;

    if (*i + 1 >= argc)
        return NULL;
    if (bytes_starts(bytes_str(argv[*i + 1]), BYTES("--")) &&
        find(s, bytes_of(argv[*i + 1] + 2, strcspn(argv[*i + 1] + 2, "=")), false, &table))
        return NULL;
    return argv[++*i];
}

static bool scan_long(struct scan *s, int argc, char **argv, int *i)
{
    const char *said = argv[*i], *equals = strchr(said, '='), *text = equals ? equals + 1 : NULL;
    struct bytes name = bytes_of(said + 2, (equals ? (size_t)(equals - said) : strlen(said)) - 2);
    const struct opt_table *table;
    const struct opt *opt = name.len > 1 ? find(s, name, false, &table) : NULL;

    if (!opt)
        return unknown(s, said);
    if (!opt->argument)
        return !text ? keep(s, opt, table, NULL) : refuse(s->why, "--%s takes no value", opt->name);
    if (!text && !(text = value_after(s, argc, argv, i)))
        return refuse(s->why, "--%s needs a value: --%s %s", opt->name, opt->name, opt->argument);
    return keep(s, opt, table, text);
}

/* "-n5", "-n 5", "-q", "-qn5" */
static bool scan_short(struct scan *s, int argc, char **argv, int *i)
{
    for (const char *at = argv[*i] + 1; *at; at++) {
        const char *text = at[1] ? at + 1 : NULL;
        const struct opt_table *table;
        const struct opt *opt = find(s, bytes_of(at, 1), true, &table);

        if (!opt)
            return unknown(s, argv[*i]);
        if (!opt->argument) {
            if (!keep(s, opt, table, NULL))
                return false;
            continue;
        }
        if (!text && !(text = value_after(s, argc, argv, i)))
            return refuse(s->why, "-%c needs a value: -%c %s", *at, *at, opt->argument);
        return keep(s, opt, table, text);
    }
    return true;
}

bool opt_scan(const struct opt_table *tables, size_t n_tables, int argc, char **argv, struct opt_line *out,
              char why[OPT_WHY_CAP])
{
    struct scan s = {tables, n_tables, out, why};
    bool over = false;

    out->n_given = 0;
    out->n_args = 0;
    for (int i = 1; i < argc; i++) {
        if (over || argv[i][0] != '-' || !argv[i][1])
            argv[++out->n_args] = argv[i];
        else if (strcmp(argv[i], "--") == 0)
            over = true;
        else if (argv[i][1] == '-' ? !scan_long(&s, argc, argv, &i) : !scan_short(&s, argc, argv, &i))
            return false;
    }
    return true;
}

bool opt_apply(const struct opt_line *line, char why[OPT_WHY_CAP])
{
    char name[48];

    for (size_t i = 0; i < line->n_given; i++) {
        const struct opt_given *g = &line->given[i];

        /* A key of a file may be empty; on a command line that is a variable that was not set. */
        if (g->opt->type == OPT_BUFFER && !*g->text)
            return refuse_empty(opt_spelling(g->opt, name), why);
        if (!opt_take(g->opt, opt_spelling(g->opt, name), g->text, g->values, why))
            return false;
    }
    return true;
}
