#include "store/roles.h"

#include <gtest/gtest.h>

#include "store/testing/temporary_directory.h"

namespace penstock::store {
namespace {

using enum Permission;

std::unique_ptr<Database> open_database(const TemporaryDirectory& directory) {
    StoreOptions options;
    options.data_directory = directory.path().string();
    return std::move(*Database::open(options));
}

TEST(Roles, ResourcesHaveParents) {
    EXPECT_EQ(resource::parent("data/ks/t"), "data/ks/*");
    EXPECT_EQ(resource::parent("data/ks/*"), "data/ks");
    EXPECT_EQ(resource::parent("data/ks"), "data");
    EXPECT_EQ(resource::parent("data"), "");
    EXPECT_EQ(resource::parent("roles/a/b"), "roles");
    EXPECT_EQ(resource::shown("data/ks/*"), "<all tables in ks>");
    EXPECT_EQ(resource::shown("roles/a/b"), "<role a/b>");
    EXPECT_FALSE(resource::applicable("data/ks/t").has(create));
    EXPECT_TRUE(resource::applicable("data/ks/*").has(create));
}

TEST(Roles, PermissionsComeFromRolesAndFromParents) {
    RoleSet set;
    set.roles["reader"].grants["data/ks"] = {select};
    set.roles["group"].member_of = {"reader"};
    set.roles["ann"].member_of = {"group"};
    set.roles["root"].superuser = true;
    set.roles["bob"].member_of = {"root"};
    EXPECT_TRUE(set.may("ann", select, "data/ks/t"));
    EXPECT_FALSE(set.may("ann", modify, "data/ks/t"));
    EXPECT_FALSE(set.may("ann", select, "data/kss/t"));
    EXPECT_TRUE(set.may("bob", modify, "data/x/y"));
    EXPECT_FALSE(set.may("nobody", select, "data/ks/t"));
    EXPECT_EQ(set.closure("ann"), (std::set<std::string>{"ann", "group", "reader"}));
    set.roles["reader"].grants["data/ks/t"] = {modify};
    set.forget_resource("data/ks", true);
    EXPECT_TRUE(set.roles["reader"].grants.empty());
}

TEST(Roles, TheyAreReadBackAsTheyWere) {
    RoleSet set;
    auto& role = set.roles["a \"role\""];
    role.superuser = true;
    role.login = true;
    role.hash = "$2a$10$x";
    role.member_of = {"b", "c"};
    role.grants = {{"data", {select, select_masked}}, {"roles/x", {authorize}}};
    role.data_centers = {"dc"};
    set.roles["b"];
    auto bytes = serialize(set);
    auto again = parse_roles(bytes);
    ASSERT_TRUE(again);
    EXPECT_EQ(serialize(*again), bytes);
    EXPECT_EQ(again->roles["a \"role\""].grants, role.grants);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
        EXPECT_FALSE(parse_roles(std::string_view(bytes).substr(0, cut))) << cut;
}

TEST(Roles, PasswordsAreKnownByTheirHashes) {
    TemporaryDirectory directory;
    auto database = open_database(directory);
    auto roles = std::move(*Roles::open(*database));
    auto hash = Roles::hash_password("secret");
    ASSERT_TRUE(hash);
    EXPECT_TRUE(Roles::is_hash(*hash)) << *hash;
    EXPECT_FALSE(Roles::is_hash("secret"));
    ASSERT_TRUE(roles->change([&](RoleSet& set) -> Result<> {
        set.roles["ann"].hash = *hash;
        set.roles["bob"];
        // What jBCrypt makes of "cassandra".
        set.roles["old"].hash = "$2a$10$JSJEMFm6GeaW9XxT5JIheuEtPvat6i7uKbnTcxX3c1wshIIsGyUtG";
        return {};
    }));
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(roles->check_password("ann", "secret"));
        EXPECT_FALSE(roles->check_password("ann", "Secret"));
        EXPECT_FALSE(roles->check_password("ann", ""));
        EXPECT_FALSE(roles->check_password("ann", std::string_view("secret\0x", 8)));
        EXPECT_FALSE(roles->check_password("bob", ""));
        EXPECT_FALSE(roles->check_password("nobody", "secret"));
    }
    // Another password counts at once.
    auto other = Roles::hash_password("other");
    ASSERT_TRUE(roles->change([&](RoleSet& set) -> Result<> {
        set.roles["ann"].hash = *other;
        return {};
    }));
    EXPECT_FALSE(roles->check_password("ann", "secret"));
    EXPECT_TRUE(roles->check_password("ann", "other"));
    roles.reset();
    EXPECT_EQ((*Roles::open(*database))->get()->roles.size(), 3u);
}

}  // namespace
}  // namespace penstock::store
