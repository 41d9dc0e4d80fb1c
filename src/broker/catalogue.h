// Which topics there are, on disk: a text file that is replaced as a whole. docs/formats/segment.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "broker/topics.h"
#include "codec/uuid.h"

namespace penstock::broker {

struct CatalogueEntry {
    TopicSpec spec;
    codec::Uuid id;
};

std::string encode_catalogue(const std::vector<CatalogueEntry>& topics);
/// Errc::corrupt, naming the line.
Result<std::vector<CatalogueEntry>> decode_catalogue(std::string_view text);

}  // namespace penstock::broker
