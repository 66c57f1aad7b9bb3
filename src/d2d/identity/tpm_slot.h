/* The TPM of this computer, for commands. */
#pragma once

#include "cli.h"

/* Opens it, and says why not. Given: d2d_tpm_close(). */
enum status tpm_slot_open(struct d2d_tpm **out);
/* Says what failed, with the remedy where there is one. */
enum status tpm_slot_failed(struct d2d_tpm *, const char *what, enum d2d_err e);
/* The slot that the options say, 0 without. */
unsigned tpm_slot_chosen(const struct cli *);
/* Before anything is made that goes into it: REFUSED, and a message, when the slot has a key that is not to be
 * replaced, or when another program keeps something there. */
enum status tpm_slot_check_free(struct d2d_tpm *, unsigned slot, bool replace);
/* Puts the key of a connection string into the slot. Wipes nothing of the string. */
enum status tpm_slot_provision(struct d2d_tpm *, unsigned slot, const char *connection_string, bool replace);
/* Fills out with "HostName=…;DeviceId=…;Tpm=SLOT" of what is in the slot. */
enum status tpm_slot_string(unsigned slot, char *out, size_t cap);
