#pragma once

#include <vss.h>
#include <vswriter.h>

#include <vsbackup.h>

#include "writer.h"

namespace stand_in {

/* What the writer said of itself at Identify; the caller's to release. */
IVssExamineWriterMetadata *metadata_of(const Writer &writer);

}  // namespace stand_in
