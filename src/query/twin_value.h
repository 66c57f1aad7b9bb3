/* Values at a path of a twin's sections: tags.a, properties.desired.a.b, properties.reported.$version and
 * properties.desired.$metadata.a.$lastUpdated (service 4.6). Values are lent by the run. */
#pragma once

#include "twin_run.h"
#include "value.h"

/* True if the path leads into a section, or to one. */
bool twin_path_is(const struct path *);
/* How many of its names lead to a section of values; 0: to none. */
size_t twin_path_section(const struct path *, enum twin_part *);
/* *spelled, which may be NULL: the last name as the twin has it. */
void twin_value_at(struct bytes run, const struct path *, struct scratch *, struct value *out, struct bytes *spelled);
/* The nth of an array that twin_value_at() gave. */
bool twin_value_nth(const struct value *array, size_t n, struct value *out);
/* True if it is an object or array that twin_value_at() gave of this run. */
bool twin_value_is(struct bytes run, const struct value *);
/* Appends that as JSON: sections with their metadata. */
void twin_value_put(struct buf *out, struct bytes run, const struct value *);
