#include "registry/local_schemas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "io/memory_files.h"

namespace penstock::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view record_a = R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"}]})";
constexpr std::string_view record_ab =
    R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":0}]})";
constexpr std::string_view record_ac =
    R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"c","type":"int"}]})";

class LocalSchemasTest : public testing::Test {
protected:
    LocalSchemasTest() { reopen(); }
    void reopen() {
        schemas.reset();
        auto opened = LocalSchemas::open("registry", files);
        ASSERT_TRUE(opened) << opened.error().text;
        schemas = std::move(*opened);
    }
    RegisteredSchema put(std::string_view subject, std::string_view text,
                         SchemaKind kind = SchemaKind::avro) {
        auto added = schemas->add(subject, kind, text);
        EXPECT_TRUE(added) << added.error().text;
        return added ? *added : RegisteredSchema{};
    }
    template <class T>
    static int code(const Answer<T>& answer) {
        return answer ? 0 : answer.error().code;
    }

    io::MemoryFiles files;
    std::unique_ptr<LocalSchemas> schemas;
};

TEST_F(LocalSchemasTest, SameTextHasOneIdEverywhere) {
    auto first = put("s", record_a);
    EXPECT_EQ(first.id, 1);
    EXPECT_EQ(first.version, 1);
    EXPECT_EQ(
        put("s", R"({"name": "R", "type": "record", "fields": [{"type": "int", "name": "a"}]})").version, 1);
    EXPECT_EQ(put("t", record_a).id, 1);
    EXPECT_EQ(put("s", record_ab).id, 2);
    EXPECT_EQ(put("s", record_ab).version, 2);
    EXPECT_EQ(put("json", R"("string")", SchemaKind::avro).id, 3);
}
TEST_F(LocalSchemasTest, AvroAndJsonOfOneTextDiffer) {
    auto avro = put("a", R"({"type":"string"})");
    auto json = put("b", R"({"type":"string"})", SchemaKind::json);
    EXPECT_NE(avro.id, json.id);
}
TEST_F(LocalSchemasTest, RefusesWhatIsIncompatible) {
    put("s", record_a);
    auto refused = schemas->add("s", SchemaKind::avro, record_ac);
    ASSERT_EQ(code(refused), 409);
    EXPECT_THAT(refused.error().text,
                HasSubstr("incompatible with an earlier schema for subject \"s\", details: "
                          "[{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE'"));
    EXPECT_THAT(schemas->list_versions("s", Deleted::exclude).value(), ElementsAre(1));
}
TEST_F(LocalSchemasTest, LevelOfTheSubjectWinsOverTheGlobalOne) {
    put("s", record_a);
    EXPECT_TRUE(schemas->set_level("", CompatibilityLevel::none));
    EXPECT_TRUE(schemas->set_level("s", CompatibilityLevel::full));
    EXPECT_EQ(code(schemas->add("s", SchemaKind::avro, record_ac)), 409);
    EXPECT_EQ(*schemas->set_level("s", std::nullopt), CompatibilityLevel::full);
    EXPECT_EQ(code(schemas->set_level("s", std::nullopt)), 40408);
    EXPECT_EQ(code(schemas->add("s", SchemaKind::avro, record_ac)), 0);
}
TEST_F(LocalSchemasTest, RefusesWhatIsNoSchema) {
    EXPECT_EQ(code(schemas->add("s", SchemaKind::avro, "{")), 42201);
    EXPECT_EQ(code(schemas->add("s", SchemaKind::protobuf, "syntax = \"proto9\";")), 42201);
    EXPECT_EQ(code(schemas->add("", SchemaKind::avro, record_a)), 42208);
    EXPECT_THAT(schemas->list_subjects("", Deleted::include), IsEmpty());
}
TEST_F(LocalSchemasTest, ReferencesAreOfTheSchema) {
    auto name = put("name", R"({"type":"fixed","name":"Name","size":4})");
    auto other = put("other", R"({"type":"fixed","name":"Name","size":4})");
    EXPECT_EQ(name.id, other.id);
    constexpr std::string_view user =
        R"({"type":"record","name":"User","fields":[{"name":"n","type":"Name"}]})";
    EXPECT_THAT(schemas->add("user", SchemaKind::avro, user).error().text, HasSubstr("unknown type 'Name'"));
    auto by_name = schemas->add("user", SchemaKind::avro, user, {{"Name", "name", 1}});
    ASSERT_TRUE(by_name) << by_name.error().text;
    EXPECT_EQ(by_name->text, user);
    auto by_other = schemas->add("user", SchemaKind::avro, user, {{"Name", "other", -1}});
    ASSERT_TRUE(by_other) << by_other.error().text;
    EXPECT_NE(by_name->id, by_other->id);
    EXPECT_THAT(by_other->references, ElementsAre(SchemaReference{"Name", "other", 1}));
    reopen();
    EXPECT_EQ(schemas->find("user", SchemaKind::avro, user, Deleted::exclude, {{"Name", "name", 1}})->version,
              1);
    EXPECT_EQ(schemas->by_id(by_other->id)->references, by_other->references);
    EXPECT_THAT(schemas->referenced_by("name", 1, Deleted::exclude), ElementsAre(by_name->id));
}
TEST_F(LocalSchemasTest, ReferencesThatLeadNowhere) {
    put("json", R"({"type":"object"})", SchemaKind::json);
    auto add = [&](References references) {
        auto added = schemas->add("s", SchemaKind::avro, "\"int\"", std::move(references));
        EXPECT_EQ(code(added), 42201);
        return added ? std::string() : added.error().text;
    };
    EXPECT_EQ(add({{"a", "nobody", 3}}),
              "Invalid schema of type AVRO, details: No schema reference found for subject \"nobody\" and "
              "version 3");
    EXPECT_THAT(add({{"a", "json", 1}}),
                HasSubstr("the reference a leads to a schema of type JSON; expected AVRO"));
}
TEST_F(LocalSchemasTest, WhatOthersReferToStays) {
    put("name", R"({"type":"fixed","name":"Name","size":4})");
    ASSERT_TRUE(
        schemas->add("names", SchemaKind::avro, R"({"type":"array","items":"Name"})", {{"Name", "name", 1}}));
    EXPECT_EQ(code(schemas->remove_version("name", 1, false)), 42206);
    EXPECT_EQ(code(schemas->remove_subject("name", false)), 42206);
    EXPECT_TRUE(schemas->remove_subject("names", false));
    EXPECT_TRUE(schemas->remove_subject("name", false));
    EXPECT_EQ(code(schemas->add("names", SchemaKind::avro, R"({"type":"array","items":"Name"})",
                                {{"Name", "name", 1}})),
              42201);
}
TEST_F(LocalSchemasTest, WhatIsReferredToCountsForCompatibility) {
    schemas->set_level("", CompatibilityLevel::backward);
    put("name", R"({"type":"record","name":"Name","fields":[]})");
    put("name", R"({"type":"record","name":"Name","fields":[{"name":"a","type":"int","default":0}]})");
    schemas->set_level("name", CompatibilityLevel::none);
    put("name", R"({"type":"record","name":"Name","fields":[{"name":"b","type":"int"}]})");
    auto add = [&](std::int32_t version) {
        return code(schemas->add("names", SchemaKind::avro, R"({"type":"array","items":"Name"})",
                                 {{"Name", "name", version}}));
    };
    EXPECT_EQ(add(1), 0);
    EXPECT_EQ(add(2), 0);
    EXPECT_EQ(add(3), 409);
}
TEST_F(LocalSchemasTest, NotFound) {
    EXPECT_EQ(code(schemas->version("s", 1, Deleted::exclude)), 40401);
    EXPECT_EQ(code(schemas->schema(7)), 40403);
    put("s", record_a);
    EXPECT_EQ(code(schemas->version("s", 2, Deleted::exclude)), 40402);
    EXPECT_EQ(code(schemas->find("s", SchemaKind::avro, record_ab, Deleted::exclude)), 40403);
    EXPECT_EQ(schemas->get("s", -1)->version, 1);
    EXPECT_EQ(schemas->get("nobody", -1).error().code, Errc::not_found);
}
TEST_F(LocalSchemasTest, SoftThenPermanentDelete) {
    put("s", record_a);
    put("s", record_ab);
    EXPECT_EQ(code(schemas->remove_subject("s", true)), 40405);
    EXPECT_THAT(*schemas->remove_subject("s", false), ElementsAre(1, 2));
    EXPECT_EQ(code(schemas->remove_subject("s", false)), 40404);
    EXPECT_THAT(schemas->list_subjects("", Deleted::exclude), IsEmpty());
    EXPECT_THAT(schemas->list_subjects("", Deleted::include), ElementsAre("s"));
    EXPECT_TRUE(schemas->schema(1)) << "records that were written with it must stay readable";
    EXPECT_EQ(put("s", record_a).version, 3) << "a version is not used twice";
    EXPECT_THAT(*schemas->remove_subject("s", false), ElementsAre(3));
    EXPECT_THAT(*schemas->remove_subject("s", true), ElementsAre(1, 2, 3));
    EXPECT_EQ(code(schemas->remove_subject("s", false)), 40401);
}
TEST_F(LocalSchemasTest, DeleteOfOneVersion) {
    put("s", record_a);
    put("s", record_ab);
    EXPECT_EQ(code(schemas->remove_version("s", 1, true)), 40407);
    EXPECT_EQ(*schemas->remove_version("s", -1, false), 2);
    EXPECT_EQ(code(schemas->remove_version("s", 2, false)), 40406);
    EXPECT_EQ(schemas->get("s", -1)->version, 1);
    EXPECT_EQ(*schemas->remove_version("s", 2, true), 2);
    EXPECT_EQ(code(schemas->remove_version("s", 2, true)), 40402);
}
TEST_F(LocalSchemasTest, ReadOnly) {
    put("s", record_a);
    EXPECT_TRUE(schemas->set_mode("", Mode::read_only));
    EXPECT_EQ(code(schemas->add("s", SchemaKind::avro, record_ab)), 42205);
    EXPECT_EQ(code(schemas->add("s", SchemaKind::avro, record_a)), 0) << "it is there already";
    EXPECT_TRUE(schemas->set_mode("s", Mode::read_write));
    EXPECT_EQ(code(schemas->add("s", SchemaKind::avro, record_ab)), 0);
}
TEST_F(LocalSchemasTest, ChecksWithoutRegistering) {
    put("s", record_a);
    EXPECT_TRUE(schemas->check("s", -1, SchemaKind::avro, record_ab)->compatible);
    EXPECT_FALSE(schemas->check("s", std::nullopt, SchemaKind::avro, record_ac)->compatible);
    EXPECT_TRUE(schemas->check("new", std::nullopt, SchemaKind::avro, record_ac)->compatible);
    EXPECT_EQ(code(schemas->check("new", -1, SchemaKind::avro, record_ac)), 40401);
    EXPECT_THAT(*schemas->list_versions("s", Deleted::include), ElementsAre(1));
}

TEST_F(LocalSchemasTest, EverythingAcknowledgedIsThereAfterAPowerCut) {
    put("s", record_a);
    put("s", record_ab);
    put("j", R"({"type":"string"})", SchemaKind::json);
    EXPECT_TRUE(schemas->set_level("s", CompatibilityLevel::full_transitive));
    EXPECT_TRUE(schemas->set_mode("j", Mode::read_only));
    EXPECT_TRUE(schemas->remove_version("s", 1, false));
    files.crash();
    reopen();
    EXPECT_THAT(*schemas->list_versions("s", Deleted::include), ElementsAre(1, 2));
    EXPECT_THAT(*schemas->list_versions("s", Deleted::exclude), ElementsAre(2));
    EXPECT_EQ(schemas->schema(3)->kind, SchemaKind::json);
    EXPECT_EQ(schemas->level("s"), CompatibilityLevel::full_transitive);
    EXPECT_EQ(schemas->mode("j"), Mode::read_only);
    EXPECT_EQ(put("n", R"("long")").id, 4);
}
TEST_F(LocalSchemasTest, AnUnfinishedRecordIsCutOff) {
    put("s", record_a);
    files.fail_sync();
    EXPECT_EQ(code(schemas->add("s", SchemaKind::avro, record_ab)), 50001);
    EXPECT_EQ(code(schemas->add("t", SchemaKind::avro, record_a)), 50001)
        << "what is on the disk is not known";
    EXPECT_THAT(*schemas->list_versions("s", Deleted::exclude), ElementsAre(1));
    files.crash({.kept_changes = 0, .torn_bytes = 20});
    reopen();
    EXPECT_THAT(*schemas->list_versions("s", Deleted::exclude), ElementsAre(1));
    EXPECT_EQ(put("s", record_ab).version, 2);
    reopen();
    EXPECT_THAT(*schemas->list_versions("s", Deleted::exclude), ElementsAre(1, 2));
}
TEST_F(LocalSchemasTest, AFullDiskLosesNothing) {
    put("s", record_a);
    files.fill_up();
    EXPECT_EQ(code(schemas->add("s", SchemaKind::avro, record_ab)), 50001);
    files.set_room();
    reopen();
    EXPECT_THAT(*schemas->list_versions("s", Deleted::exclude), ElementsAre(1));
    EXPECT_EQ(put("s", record_ab).version, 2);
}
TEST_F(LocalSchemasTest, ADamagedRecordIsRefusedAndNamed) {
    put("s", record_a);
    put("s", record_ab);
    schemas.reset();
    auto file = files.open("registry/schemas.log", io::OpenMode::read_write);
    ASSERT_TRUE((*file)->write_at(40, std::string_view("x")));
    auto opened = LocalSchemas::open("registry", files);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
    EXPECT_EQ(opened.error().text,
              "registry/schemas.log: the record at byte 8 is damaged; restore the file from a backup");
}
TEST_F(LocalSchemasTest, AForeignFileIsRefused) {
    schemas.reset();
    ASSERT_TRUE(files.replace_file("registry/schemas.log", "something else entirely"));
    auto opened = LocalSchemas::open("registry", files);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().text, HasSubstr("not a schema registry's file"));
}
TEST(LocalSchemasOnDisk, Reopens) {
    auto folder = std::filesystem::temp_directory_path() / fmt::format("penstock_registry_{}", ::getpid());
    {
        auto schemas = LocalSchemas::open(folder.string());
        ASSERT_TRUE(schemas) << schemas.error().text;
        ASSERT_TRUE((*schemas)->put("s", SchemaKind::avro, record_a));
    }
    auto schemas = LocalSchemas::open(folder.string());
    ASSERT_TRUE(schemas) << schemas.error().text;
    EXPECT_THAT(*(*schemas)->subjects(), ElementsAre("s"));
    EXPECT_THAT(*(*schemas)->versions("s"), ElementsAre(1));
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace penstock::registry
