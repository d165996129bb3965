// What belongs in /dev.
#pragma once

#include "plan/builder.hpp"

namespace minirun {

/// Device nodes and links in Slot::dev, as config-linux.md "Default Devices" and "Default File Systems" ask, then
/// those of spec.linux.devices that are below /dev. `in_image`: it is the image's own directory, and what is there
/// already is replaced.
void add_dev(PlanBuilder& plan, bool in_image);

/// The same in the image's own /dev, where spec.mounts has nothing for it.
void add_dev_of_image(PlanBuilder& plan);

/// Those of spec.linux.devices that are elsewhere.
void add_other_devices(PlanBuilder& plan);

/// /dev/null under another name.
void add_null_device(PlanBuilder& plan, Slot at, const char* name);

}  // namespace minirun
