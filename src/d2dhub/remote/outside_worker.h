/* The one thread that speaks to others: webhooks that say where devices belong, and hubs that take them
 * (front/outside.h). */
#pragma once

#include "outside.h"

struct outside_worker;

/* The file has a service policy's connection string in each line, of the hubs that are linked besides this one; "":
 * none. `ca_file` is an authority that they and webhooks may have besides those of the system; "": none. On failure a
 * message was printed. */
enum err outside_worker_open(const char *hubs_file, const char *ca_file, struct outside_worker **out) MUST_CHECK;
/* For the environment of the fronts. Lent. */
const struct outside *outside_worker_table(const struct outside_worker *);
/* The environment is lent until outside_worker_close(). */
enum err outside_worker_start(struct outside_worker *, const struct front_env *) MUST_CHECK;
/* Breaks off what it is doing; also NULL. */
void outside_worker_close(struct outside_worker *);
