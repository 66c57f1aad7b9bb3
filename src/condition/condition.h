/* Conditions over anything that can say what stands at a path: devices, documents, messages. Compiled once; after that
 * nothing is allocated, no step runs twice, and a condition may run on several threads at once.
 *
 *   query    tags.floor > 1 AND deviceId IN ['a', 'b']           service 4.8: members of a document
 *   route    $body.level > 20 AND as_number(floor) > 1           service 6: properties and body of a message
 *
 * True, false and undefined are three: only true selects. */
#pragma once

#include "complaint.h"
#include "value.h"

enum language { LANGUAGE_QUERY, LANGUAGE_ROUTE };

struct condition;

/* ERR_MALFORMED, ERR_UNSUPPORTED, ERR_TOO_LARGE, ERR_ARGUMENT (what is compared or called with can never fit: service
 * 6.4), ERR_MEMORY. A route's empty text is true. */
enum err condition_compile(struct bytes text, enum language, struct condition **out, struct complaint *) MUST_CHECK;
void condition_free(struct condition *);

bool condition_holds(const struct condition *, const struct row *);
/* How many steps it takes at most. */
size_t condition_steps(const struct condition *);
/* The paths that it asks its row for; a row with a table of members has their places put into `slot` before it runs. */
struct path *condition_paths(struct condition *, size_t *n);

/* A path has one of these values. */
struct equality {
    const struct path *path;
    const struct value *values;
    size_t n;
};

enum {
    EQUALITIES_MAX = 8, /* that a condition gives, */
    EQUALITIES_ANY = 8, /* and the paths of one of them */
};

/* At least one of them is true of every row that the condition selects, so that indexes find them. There may be more to
 * the condition, so it still has to hold. */
struct equalities {
    struct equality any[EQUALITIES_ANY];
    size_t n;
};

/* Gives how many there are. */
size_t condition_equalities(const struct condition *, struct equalities out[EQUALITIES_MAX]);
