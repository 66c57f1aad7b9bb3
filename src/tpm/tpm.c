#include "tpm_esys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- failures -------------------------------------------------------------------------------------------------- */

static const struct {
    TPM2_RC code;
    enum err e;
    const char *text;
} reasons[] = {
    {TPM2_RC_LOCKOUT, ERR_BUSY, "the TPM is locked after too many wrong passwords; it unlocks itself after some hours"},
    {TPM2_RC_NV_SPACE, ERR_LIMIT, "the TPM has no room left for another key or text"},
    {TPM2_RC_NV_DEFINED, ERR_EXISTS, "that place in the TPM is already in use"},
    {TPM2_RC_NV_RATE, ERR_BUSY, "the TPM was written too often in a short time; try again in a minute"},
    {TPM2_RC_NV_UNAVAILABLE, ERR_BUSY, "the TPM cannot be written now; try again"},
    {TPM2_RC_OBJECT_MEMORY, ERR_BUSY, "other programs left too many keys loaded (tpm2_flushcontext -t removes them)"},
    {TPM2_RC_OBJECT_HANDLES, ERR_BUSY, "other programs left too many keys loaded (tpm2_flushcontext -t removes them)"},
    {TPM2_RC_SESSION_MEMORY, ERR_BUSY, "other programs left too many sessions open (tpm2_flushcontext -l closes them)"},
    {TPM2_RC_SESSION_HANDLES, ERR_BUSY,
     "other programs left too many sessions open (tpm2_flushcontext -l closes them)"},
    {TPM2_RC_RETRY, ERR_BUSY, "the TPM is busy"},
    {TPM2_RC_TESTING, ERR_BUSY, "the TPM is testing itself"},
    {TPM2_RC_HANDLE, ERR_NOT_FOUND, "that place in the TPM is empty"},
    {TPM2_RC_HIERARCHY, ERR_DENIED, "this part of the TPM is switched off in the firmware"},
    {TPM2_RC_COMMAND_CODE, ERR_UNSUPPORTED, "this TPM does not support the command"},
    {TPM2_RC_INITIALIZE, ERR_IO, "the TPM was not started"},
    {TPM2_RC_FAILURE, ERR_IO, "the TPM failed"},
};

static const char *const passwords[] = {
    [KEYS_OWN] = "it has its own password",
    [OWNER] = "the owner hierarchy of the TPM has a password; it must be empty (tpm2_changeauth -c owner)",
    [ENDORSEMENT] =
        "the endorsement hierarchy of the TPM has a password; it must be empty (tpm2_changeauth -c endorsement)",
};

TPM2_RC tpm_code(TSS2_RC rc)
{
    TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

    if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER)
        return 0;
    rc &= ~TSS2_RC_LAYER_MASK;
    return rc & TPM2_RC_FMT1 ? rc & (TPM2_RC_FMT1 | 0x3F) : rc;
}

static enum err reason(TSS2_RC rc, enum whose whose, const char **text)
{
    TPM2_RC code = tpm_code(rc);

    if (code == TPM2_RC_BAD_AUTH || code == TPM2_RC_AUTH_FAIL) {
        *text = passwords[whose];
        return ERR_DENIED;
    }
    for (size_t i = 0; code && i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].code == code) {
            *text = reasons[i].text;
            return reasons[i].e;
        }
    *text = tss.Tss2_RC_Decode(rc);
    return (rc & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_MEMORY ? ERR_MEMORY : ERR_IO;
}

enum err tpm_check(struct tpm *t, const char *doing, enum whose whose, TSS2_RC rc)
{
    const char *text;
    enum err e;

    if (rc == TSS2_RC_SUCCESS)
        return OK;
    e = reason(rc, whose, &text);
    snprintf(t->why, sizeof t->why, "%s: %s", doing, text);
    return e;
}

enum err tpm_refuse(struct tpm *t, enum err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(t->why, sizeof t->why, format, args);
    va_end(args);
    return e;
}

enum err tpm_slot_check(struct tpm *t, unsigned slot)
{
    return slot < TPM_SLOTS ? OK : tpm_refuse(t, ERR_RANGE, "the slot must be 0 to %d", TPM_SLOTS - 1);
}

const char *tpm_why(const struct tpm *t)
{
    return t->why;
}

/* ---- opening --------------------------------------------------------------------------------------------------- */

/* The stack only says that it cannot be opened; the usual causes are told here. */
static enum err look_at_device(struct tpm *t, const char *path)
{
    if (access(path, R_OK | W_OK) == 0)
        return OK;
    if (errno == EACCES || errno == EPERM)
        return tpm_refuse(t, ERR_DENIED, "%s may not be opened: only root and members of the group tss may", path);
    return tpm_refuse(t, ERR_NOT_FOUND, "there is no %s: no TPM 2.0, or it is switched off in the firmware", path);
}

static enum err choose(struct tpm *t, const char *asked, const char **out)
{
    static const char device[] = "device:";

    if (!asked || !*asked)
        asked = getenv("D2D_TCTI");
    if (!asked || !*asked)
        asked = access("/dev/tpmrm0", F_OK) && !access("/dev/tpm0", F_OK) ? "device:/dev/tpm0" : "device:/dev/tpmrm0";
    *out = asked;
    return strncmp(asked, device, sizeof device - 1) ? OK : look_at_device(t, asked + sizeof device - 1);
}

#define FIRST_OBJECT 0x80000000u /* what the stack calls TPM2_TRANSIENT_FIRST shifts into the sign */
#define FIRST_SESSION 0x02000000u

/* Also starts a TPM that nobody has started yet, as simulators are. */
static enum err ask_something(struct tpm *t)
{
    TPMS_CAPABILITY_DATA *answer = NULL;
    TSS2_RC rc;

    for (int tries = 0;; tries++) {
        rc = tss.Esys_GetCapability(t->esys, NO_SESSION, NO_SESSION, NO_SESSION, TPM2_CAP_TPM_PROPERTIES,
                                    TPM2_PT_FAMILY_INDICATOR, 1, NULL, &answer);
        if (tpm_code(rc) != TPM2_RC_INITIALIZE || tries)
            break;
        rc = tss.Esys_Startup(t->esys, TPM2_SU_CLEAR);
        if (rc)
            break;
    }
    tss.Esys_Free(answer);
    return tpm_check(t, "the TPM does not answer as a TPM 2.0", OWNER, rc);
}

/* A program that was killed leaves what it had loaded, and a TPM has room for three of a kind, of which taking a key
 * needs all. A resource manager takes care of that and shows each program only what is its own; without one a TPM has
 * one program at a time. */
static void make_room(struct tpm *t, TPM2_HANDLE first)
{
    TPMS_CAPABILITY_DATA *found = NULL;

    if (tss.Esys_GetCapability(t->esys, NO_SESSION, NO_SESSION, NO_SESSION, TPM2_CAP_HANDLES, first,
                               TPM2_MAX_CAP_HANDLES, NULL, &found))
        return;
    const TPML_HANDLE *handles = &found->data.handles;
    for (UINT32 i = 0; i < handles->count; i++) {
        ESYS_TR left;

        if (!tss.Esys_TR_FromTPMPublic(t->esys, handles->handle[i], NO_SESSION, NO_SESSION, NO_SESSION, &left))
            tpm_flush(t, &left);
    }
    tss.Esys_Free(found);
}

static enum err connect_to(struct tpm *t, const char *asked)
{
    const char *tcti;
    enum err e = choose(t, asked, &tcti);

    if (e)
        return e;
    if (tss.Tss2_TctiLdr_Initialize(tcti, &t->tcti))
        return tpm_refuse(t, ERR_UNREACHABLE, "there is no TPM at \"%.120s\", or another program uses it", tcti);
    if ((e = tpm_check(t, "opening the TPM", OWNER, tss.Esys_Initialize(&t->esys, t->tcti, NULL))))
        return e;
    if ((e = ask_something(t)))
        return e;
    make_room(t, FIRST_OBJECT);
    make_room(t, FIRST_SESSION);
    return OK;
}

enum err tpm_open(const char *tcti, struct tpm **out, char why[TPM_WHY_CAP])
{
    struct tpm *t = calloc(1, sizeof *t);
    const char *missing;
    enum err e;

    if (!t) {
        snprintf(why, TPM_WHY_CAP, "%s", err_text(ERR_MEMORY));
        return ERR_MEMORY;
    }
    if ((e = tpm_stack_load(&missing)))
        e = tpm_refuse(t, e, "the TPM software stack is not installed: %s is missing (Debian: apt install tpm2-tools)",
                       missing);
    /* tpm_why() says in other words what the stack would write to stderr. */
    else if (setenv("TSS2_LOG", "all+NONE", 0))
        e = tpm_refuse(t, ERR_MEMORY, "%s", err_text(ERR_MEMORY));
    else
        e = connect_to(t, tcti);
    if (e) {
        memcpy(why, t->why, TPM_WHY_CAP);
        tpm_close(t);
        return e;
    }
    *out = t;
    return OK;
}

void tpm_close(struct tpm *t)
{
    if (!t)
        return;
    if (t->esys)
        tss.Esys_Finalize(&t->esys);
    if (t->tcti)
        tss.Tss2_TctiLdr_Finalize(&t->tcti);
    free(t);
}
