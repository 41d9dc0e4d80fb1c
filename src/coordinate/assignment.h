// Who runs what: a pure function of who offers what and who had it before.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace penstock::coordinate {

/// What one member could run.
struct Offer {
    std::string member;
    std::set<std::string> work;
    std::string address;  ///< where people find the member
};

/// Work to the member that runs it.
using Assignment = std::map<std::string, std::string>;

/// The leader's work goes to the first who offers it. All else that somebody offers goes to one who offers
/// it. It stays where it was as long as that member is there and has no more than its share; else it goes to
/// the member with the least, the first one in the order of the offers. The same arguments give the same
/// answer.
Assignment assign(const std::vector<Offer>& offers, const Assignment& before);

/// One line for each: work, a tab, member. Lines that are not so are passed over.
std::string encode_assignment(const Assignment& assignment);
Assignment decode_assignment(const std::string& text);

}  // namespace penstock::coordinate
