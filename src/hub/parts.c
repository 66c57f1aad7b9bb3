/* All that the hub is made of. They are loaded in this order and kept in the opposite one: what others need comes
 * before them. */
#include "part.h"

#include "birth.h"
#include "ca.h"
#include "call.h"
#include "docs.h"
#include "events.h"
#include "feedback.h"
#include "group.h"
#include "job.h"
#include "life.h"
#include "mail.h"
#include "policy.h"
#include "registry.h"
#include "retention.h"
#include "salvage.h"
#include "twins.h"

const struct part *const hub_parts[] = {&birth_part,     &authority_part, &group_part,    &policy_part,
                                        &retention_part, &document_part,  &feedback_part, &event_part,
                                        &mail_part,      &twin_part,      &registry_part, &call_part,
                                        &job_part,       &salvage_part,   &life_part,     NULL};

const struct record_kind *record_kind_of(uint8_t number)
{
    EACH_PART (p)
        for (size_t i = 0; i < (*p)->n_kinds; i++)
            if ((*p)->kinds[i].number == number)
                return &(*p)->kinds[i];
    return NULL;
}
