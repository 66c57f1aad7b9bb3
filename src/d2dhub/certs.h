/* The hub's own authority and the server certificate that it signs, in DATA/tls. */
#pragma once

#include "config.h"

/* Makes what is missing. `names` are further ones for the certificate. ERR_IO. */
enum err certs_make(const struct config *c, int64_t now_s) MUST_CHECK;
/* The server certificate is ours and has less than a third of its life left: a new one takes its place, *renewed. */
enum err certs_renew(const struct config *c, int64_t now_s, bool *renewed) MUST_CHECK;
/* Which files to serve with: own ones by configuration, or DATA/tls. */
void certs_files(const struct config *c, char cert[PATH_CAP], char key[PATH_CAP], char ca[PATH_CAP]);
