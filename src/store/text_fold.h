// Text made alike for comparing: what the options of an index leave out of account.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace penstock::store {

struct TextFold {
    bool case_insensitive = false;
    bool normalized = false;  ///< Unicode's composed form (NFC)
    bool ascii = false;       ///< letters without their marks: é is e
    bool upper_case = false;
    bool changes() const { return case_insensitive || normalized || ascii || upper_case; }
};

/// By the options case_sensitive, normalize and ascii of a storage-attached index.
TextFold text_fold_of(const std::map<std::string, std::string>& options);

/// What is not UTF-8 comes back as it is.
std::string folded(const TextFold& fold, std::string_view text);

}  // namespace penstock::store
