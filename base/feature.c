#include "base/feature.h"

#include <string.h>

const char *feature_find(const engine_info *info, uint32_t id, const char *text)
{
    for (uint32_t i = 0; info != NULL && i < info->num_features; i++) {
        const feature_info *f = &info->features[i];
        if (f->feature == id && f->description != NULL &&
            strcmp(f->description, text) == 0)
            return f->description;
    }
    return NULL;
}
