#include <gtest/gtest.h>

#include "broker/security/acls.h"
#include "broker/security/credentials.h"
#include "broker/security/sasl.h"
#include "codec/base64.h"
#include "io/memory_files.h"

namespace penstock::broker {
namespace {

TEST(Scram, TheExampleOfTheStandard) {  // RFC 7677, section 3
    constexpr std::string_view client_first = "n=user,r=rOprNGfwEbeRWgbNEkqO";
    constexpr std::string_view server_first =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    constexpr std::string_view client_last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    constexpr auto sha256 = ScramMechanism::sha256;
    auto salt = *codec::decode_base64("W22ZaJ0SNY7soEsUEjb6gQ==");
    auto credential = scram_credential(sha256, salted_password(sha256, "pencil", salt, 4096), salt, 4096);
    auto text = std::string(client_first) + "," + std::string(server_first) + "," + std::string(client_last);
    EXPECT_EQ(codec::encode_base64(scram_hmac(sha256, credential.server_key, text)),
              "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    auto proof = *codec::decode_base64("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    auto signature = scram_hmac(sha256, credential.stored_key, text);
    std::string client_key;
    for (std::size_t i = 0; i < proof.size(); ++i) client_key += char(proof[i] ^ signature[i]);
    EXPECT_EQ(scram_hash(sha256, client_key), credential.stored_key);
}

class LoginTest : public ::testing::Test {
protected:
    void SetUp() override {
        credentials_ = std::move(*Credentials::open(files_, "data/users"));
        ASSERT_TRUE(files_.create_directories("data"));
        ASSERT_TRUE(credentials_->change(
            {{{"alice", ScramMechanism::sha256}, scram_credential(ScramMechanism::sha256, "secret")},
             {{"a,b=c", ScramMechanism::sha512}, scram_credential(ScramMechanism::sha512, "other")}}));
    }
    /// Whether the client's side of SCRAM, done here, is let in, and the server has proved itself too.
    bool logs_in(ScramMechanism mechanism, std::string name, std::string_view password) {
        auto exchange = begin_sasl(to_string(mechanism), *credentials_);
        auto client_first = "n=" + name + ",r=abc";
        auto first = exchange->step("n,," + client_first);
        if (!first) return false;
        auto nonce = first->substr(2, first->find(',') - 2);
        auto salt_at = first->find(",s=") + 3, rounds_at = first->find(",i=");
        auto salt = *codec::decode_base64(first->substr(salt_at, rounds_at - salt_at));
        auto salted = salted_password(mechanism, password, salt, std::stoi(first->substr(rounds_at + 3)));
        auto without_proof = "c=biws,r=" + nonce;
        auto text = client_first + "," + *first + "," + without_proof;
        auto key = scram_hmac(mechanism, salted, "Client Key");
        auto signature = scram_hmac(mechanism, scram_hash(mechanism, key), text);
        for (std::size_t i = 0; i < key.size(); ++i) key[i] = char(key[i] ^ signature[i]);
        auto last = exchange->step(without_proof + ",p=" + codec::encode_base64(key));
        if (!last) return false;
        auto server_key = scram_hmac(mechanism, salted, "Server Key");
        EXPECT_EQ(*last, "v=" + codec::encode_base64(scram_hmac(mechanism, server_key, text)));
        EXPECT_FALSE(exchange->step("again"));
        return exchange->is_complete();
    }

    io::MemoryFiles files_;
    std::unique_ptr<Credentials> credentials_;
};

TEST_F(LoginTest, ScramLetsInWhoKnowsThePassword) {
    EXPECT_TRUE(logs_in(ScramMechanism::sha256, "alice", "secret"));
    EXPECT_FALSE(logs_in(ScramMechanism::sha256, "alice", "Secret"));
    EXPECT_FALSE(logs_in(ScramMechanism::sha512, "alice", "secret"));
    EXPECT_FALSE(logs_in(ScramMechanism::sha256, "bob", "secret"));
    EXPECT_TRUE(logs_in(ScramMechanism::sha512, "a=2Cb=3Dc", "other"));
    credentials_->set_password("admin", "given");
    EXPECT_TRUE(logs_in(ScramMechanism::sha256, "admin", "given"));
    EXPECT_TRUE(logs_in(ScramMechanism::sha512, "admin", "given"));
}

TEST_F(LoginTest, PlainLetsInWhoKnowsThePassword) {
    auto plain = [&](std::string_view message) {
        auto exchange = begin_sasl("PLAIN", *credentials_);
        bool done = exchange->step(message).has_value();
        EXPECT_EQ(done, exchange->is_complete());
        return done;
    };
    using namespace std::string_view_literals;
    EXPECT_TRUE(plain("\0alice\0secret"sv));
    EXPECT_TRUE(plain("alice\0alice\0secret"sv));
    EXPECT_FALSE(plain("bob\0alice\0secret"sv));
    EXPECT_FALSE(plain("\0alice\0"sv));
    EXPECT_FALSE(plain("\0nobody\0secret"sv));
    EXPECT_FALSE(plain("nonsense"sv));
    EXPECT_FALSE(plain(""sv));
    EXPECT_EQ(begin_sasl("GSSAPI", *credentials_), nullptr);
}

TEST_F(LoginTest, DamagedMessagesAreRefused) {
    for (std::string_view message :
         {"", "n", "n,", "n,,", "n,,n=alice", "n,,n=alice,r=", "y,,n=alice,r=x", "p=tls-unique,,n=alice,r=x",
          "n,,n=al=ice,r=x", "n,,r=x,n=alice", "n,a=bob,n=alice,r=x", "n,,n=alice,r=x,tokenauth=true"}) {
        auto exchange = begin_sasl("SCRAM-SHA-256", *credentials_);
        EXPECT_FALSE(exchange->step(message)) << message;
    }
    for (std::string_view message : {"", "c=biws", "c=biws,r=x,p=AAAA", "c=AAAA,r=,p=", "r=x,c=biws,p="}) {
        auto exchange = begin_sasl("SCRAM-SHA-256", *credentials_);
        ASSERT_TRUE(exchange->step("n,,n=alice,r=x"));
        EXPECT_FALSE(exchange->step(message)) << message;
        EXPECT_FALSE(exchange->is_complete());
    }
}

TEST_F(LoginTest, CredentialsAreKeptAndDamageIsSeen) {
    credentials_->set_password("admin", "not kept");
    auto again = *Credentials::open(files_, "data/users");
    EXPECT_EQ(again->find("alice", ScramMechanism::sha256),
              credentials_->find("alice", ScramMechanism::sha256));
    EXPECT_EQ(again->all().size(), 2u);
    ASSERT_TRUE(again->change({{{"alice", ScramMechanism::sha256}, std::nullopt}}));
    EXPECT_EQ((*Credentials::open(files_, "data/users"))->all().size(), 1u);
    auto text = *files_.read_file("data/users");
    text[20] ^= 1;
    ASSERT_TRUE(files_.replace_file("data/users", text));
    EXPECT_EQ(Credentials::open(files_, "data/users").error().code, Errc::corrupt);
}

class AclsTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(files_.create_directories("data"));
        acls_ = std::move(*Acls::open(files_, "data/acls"));
    }
    void add(Acl acl) {
        if (acl.host.empty()) acl.host = "*";
        auto added = acls_->add({acl});
        ASSERT_TRUE(added) << added.error().text;
    }
    bool may(std::string_view principal, Operation operation, std::string_view topic,
             std::string_view host = "h") {
        return acls_->allows(principal, host, operation, ResourceType::topic, topic);
    }
    io::MemoryFiles files_;
    std::unique_ptr<Acls> acls_;
};

TEST_F(AclsTest, WithoutAPermissionTheAnswerIsNo) {
    EXPECT_FALSE(may("User:alice", Operation::read, "t"));
    add({.name = "t", .principal = "User:alice", .operation = Operation::read});
    EXPECT_TRUE(may("User:alice", Operation::read, "t"));
    EXPECT_TRUE(may("User:alice", Operation::describe, "t"));
    EXPECT_FALSE(may("User:alice", Operation::write, "t"));
    EXPECT_FALSE(may("User:alice", Operation::read, "t2"));
    EXPECT_FALSE(may("User:bob", Operation::read, "t"));
    EXPECT_FALSE(acls_->allows("User:alice", "h", Operation::read, ResourceType::group, "t"));
}

TEST_F(AclsTest, WhatNoPermissionSpeaksOfMayBeOpen) {
    acls_ = std::move(*Acls::open(files_, "data/acls", true));
    EXPECT_TRUE(may("User:a", Operation::read, "t"));
    EXPECT_TRUE(acls_->allows_any("User:a", "h", Operation::write, ResourceType::topic));
    add({.name = "t", .principal = "User:b", .operation = Operation::read});
    EXPECT_FALSE(may("User:a", Operation::read, "t"));
    EXPECT_TRUE(may("User:b", Operation::read, "t"));
    EXPECT_TRUE(may("User:a", Operation::read, "other"));
    add({.name = "*", .principal = "User:*", .operation = Operation::all, .permission = Permission::deny});
    EXPECT_FALSE(may("User:a", Operation::read, "other"));
    EXPECT_FALSE(acls_->allows_any("User:a", "h", Operation::write, ResourceType::topic));
}

TEST_F(AclsTest, PatternsPrincipalsAndHosts) {
    add({.name = "logs-",
         .pattern = PatternType::prefixed,
         .principal = "User:*",
         .operation = Operation::all});
    add({.name = "*", .principal = "User:alice", .host = "10.0.0.1", .operation = Operation::write});
    EXPECT_TRUE(may("User:bob", Operation::alter_configs, "logs-a"));
    EXPECT_FALSE(may("User:bob", Operation::read, "log"));
    EXPECT_TRUE(may("User:alice", Operation::write, "any", "10.0.0.1"));
    EXPECT_FALSE(may("User:alice", Operation::write, "any", "10.0.0.2"));
    EXPECT_TRUE(acls_->allows_any("User:alice", "10.0.0.1", Operation::write, ResourceType::topic));
    EXPECT_FALSE(acls_->allows_any("User:carol", "10.0.0.1", Operation::write, ResourceType::group));
}

TEST_F(AclsTest, ADenialGoesBeforeAPermission) {
    add({.name = "*", .principal = "User:*", .operation = Operation::all});
    add({.name = "t",
         .principal = "User:bob",
         .operation = Operation::write,
         .permission = Permission::deny});
    EXPECT_FALSE(may("User:bob", Operation::write, "t"));
    EXPECT_TRUE(may("User:bob", Operation::describe, "t"));  // a denied write does not deny this
    EXPECT_TRUE(may("User:bob", Operation::write, "u"));
    EXPECT_TRUE(acls_->allows_any("User:bob", "h", Operation::write, ResourceType::topic));
    add({.name = "*", .principal = "User:bob", .operation = Operation::all, .permission = Permission::deny});
    EXPECT_FALSE(acls_->allows_any("User:bob", "h", Operation::write, ResourceType::topic));
}

TEST_F(AclsTest, TheyAreFoundRemovedAndKept) {
    add({.name = "t", .principal = "User:a", .operation = Operation::read});
    add({.name = "t", .pattern = PatternType::prefixed, .principal = "User:a", .operation = Operation::read});
    add({.name = "*", .principal = "User:b", .operation = Operation::write});
    add({.resource = ResourceType::group, .name = "g", .principal = "User:a", .operation = Operation::read});
    EXPECT_EQ(acls_->find({}).size(), 4u);
    EXPECT_EQ(acls_->find({.resource = ResourceType::topic}).size(), 3u);
    EXPECT_EQ(acls_->find({.name = "t", .pattern = PatternType::literal}).size(), 1u);
    EXPECT_EQ(acls_->find({.resource = ResourceType::topic, .name = "t", .pattern = PatternType::any}).size(),
              2u);
    EXPECT_EQ(
        acls_->find({.resource = ResourceType::topic, .name = "tx", .pattern = PatternType::match}).size(),
        2u);
    EXPECT_EQ(acls_->find({.principal = "User:b"}).size(), 1u);
    EXPECT_EQ(acls_->remove({.principal = "User:a"})->size(), 3u);
    EXPECT_EQ((*Acls::open(files_, "data/acls"))->find({}).size(), 1u);
    for (Acl wrong : {Acl{.name = "", .principal = "User:a", .host = "*"},
                      Acl{.name = "t", .principal = "a", .host = "*"},
                      Acl{.name = "t", .principal = "User:a", .host = ""},
                      Acl{.resource = ResourceType::cluster, .name = "x", .principal = "User:a", .host = "*"},
                      Acl{.name = "t", .pattern = PatternType::match, .principal = "User:a", .host = "*"}})
        EXPECT_FALSE(check_acl(wrong));
}

}  // namespace
}  // namespace penstock::broker
