// Runs tests/sql/*.test. The format is told in tests/sql/README.md. Every continuous query runs three ways:
// straight, with a stop and a restart from its checkpoint half way, and with one row in a batch.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/units.h"
#include "stream/native_engine.h"
#include "stream/sql/error.h"
#include "stream/testing/memory_tables.h"
#include "stream/testing/memory_topics.h"

namespace penstock::stream {
namespace {

using Lines = std::vector<std::string>;

struct Block {
    std::string kind;       ///< the first word
    std::string arguments;  ///< the rest of the line
    int line = 0;
    std::vector<Lines> parts;  ///< what stands between the ---- lines
};

std::vector<Block> read_blocks(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::vector<Block> blocks;
    std::string line;
    int number = 0;
    bool inside = false;
    while (std::getline(in, line)) {
        ++number;
        if (line.starts_with("#") && !inside) continue;
        if (line.empty()) {
            inside = false;
            continue;
        }
        if (!inside) {
            auto space = line.find(' ');
            blocks.push_back(
                {line.substr(0, space), space == line.npos ? "" : line.substr(space + 1), number, {{}}});
            inside = true;
        } else if (line == "----") {
            blocks.back().parts.emplace_back();
        } else {
            blocks.back().parts.back().push_back(line);
        }
    }
    return blocks;
}

std::string joined(const Lines& lines) {
    std::string out;
    for (const auto& line : lines) out += (out.empty() ? "" : "\n") + line;
    return out;
}

/// The words after name, up to the next known word.
std::string option(const std::string& arguments, const std::string& name) {
    std::istringstream in(arguments);
    std::string word, out;
    bool taking = false;
    while (in >> word) {
        bool known = word == "partitions" || word == "schema" || word == "key" || word == "watermark" ||
                     word == "format" || word == "drift";
        if (known && (!taking || word != name))
            taking = word == name && out.empty();
        else if (taking)
            out += (out.empty() ? "" : " ") + word;
    }
    return out;
}

std::vector<std::string> row_texts(const Batch& batch) {
    std::vector<std::string> out;
    for (std::size_t row = 0; row < batch.rows; ++row) {
        std::string line;
        for (std::size_t i = 0; i < batch.columns.size(); ++i)
            line += (i ? " | " : "") + value_text(batch.columns[i], row);
        out.push_back(std::move(line));
    }
    return out;
}

struct InputRecord {
    std::int32_t partition = 0;
    std::int64_t timestamp_ms = 0;
    std::optional<std::string> key;
    std::string value;
};

struct InputTopic {
    pipeline::TopicSpec spec;
    std::vector<InputRecord> records;
};

/// "p1 @1700000000000 key=k {...}": what comes before the value may be left out.
InputRecord read_record(std::string line, std::int32_t partitions, std::size_t number) {
    InputRecord record;
    record.partition = std::int32_t(number % std::size_t(partitions));
    while (true) {
        auto word = line.substr(0, line.find(' '));
        if (word.size() > 1 && word[0] == 'p' && parse_int(word.substr(1)))
            record.partition = std::int32_t(*parse_int(word.substr(1)));
        else if (word.size() > 1 && word[0] == '@')
            record.timestamp_ms = parse_int(word.substr(1)).value_or(0);
        else if (word.starts_with("key="))
            record.key = word.substr(4);
        else
            break;
        line.erase(0, word.size() + 1);
    }
    record.value = line;
    return record;
}

enum class Way { straight, restarted, row_by_row };

class SqlFile {
public:
    SqlFile(std::vector<Block> blocks, Way way) : blocks_(std::move(blocks)), way_(way) {}

    void run() {
        for (const auto& block : blocks_) {
            SCOPED_TRACE(fmt::format("line {}", block.line));
            if (block.kind == "topic")
                topic(block);
            else if (block.kind == "query")
                query(block);
            else if (block.kind == "select")
                select(block);
            else if (block.kind == "values")
                values(block);
            else if (block.kind == "error")
                error(block);
            else
                FAIL() << "unknown block " << block.kind;
        }
    }

private:
    EngineOptions options() const {
        EngineOptions out;
        if (way_ == Way::row_by_row) out.batch_rows = 1;
        return out;
    }

    void topic(const Block& block) {
        InputTopic input;
        input.spec.name = block.arguments.substr(0, block.arguments.find(' '));
        auto partitions = option(block.arguments, "partitions");
        if (!partitions.empty()) input.spec.partitions = std::int32_t(*parse_int(partitions));
        input.spec.schema.text = option(block.arguments, "schema");
        auto format = option(block.arguments, "format");
        if (format == "text") input.spec.format = pipeline::Format::text;
        auto drift = option(block.arguments, "drift");
        if (drift == "freeze") input.spec.on_drift = pipeline::TopicSpec::Drift::freeze;
        if (drift == "dead_letter") input.spec.on_drift = pipeline::TopicSpec::Drift::dead_letter;
        for (const auto& line : block.parts[0])
            input.records.push_back(read_record(line, input.spec.partitions, input.records.size()));
        topics_.push_back(std::move(input));
    }

    std::vector<pipeline::TopicSpec> specs() const {
        std::vector<pipeline::TopicSpec> out;
        for (const auto& topic : topics_) out.push_back(topic.spec);
        return out;
    }

    void create(testing::MemoryTopics& topics) {
        for (const auto& topic : topics_)
            ASSERT_TRUE(topics.create({topic.spec.name, topic.spec.partitions, {}}));
    }

    void fill(testing::MemoryTopics& topics, std::size_t from, std::size_t to, std::size_t parts) {
        for (const auto& topic : topics_) {
            auto size = topic.records.size();
            for (auto i = size * from / parts; i < size * to / parts; ++i) {
                const auto& record = topic.records[i];
                topics.add(topic.spec.name, record.partition, record.value, record.timestamp_ms,
                           record.key ? std::optional<std::string_view>(*record.key) : std::nullopt);
            }
        }
    }

    pipeline::QuerySpec query_spec(const Block& block) {
        pipeline::QuerySpec spec;
        spec.name = "q";
        spec.sql.text = joined(block.parts[0]);
        spec.into = "ks.result";
        std::istringstream keys(option(block.arguments, "key"));
        std::string word;
        while (keys >> word) spec.key.push_back({word, false});
        std::istringstream watermark(option(block.arguments, "watermark"));
        std::string column, delay;
        if (watermark >> column >> delay) spec.watermark = {column, *parse_duration_us(delay)};
        return spec;
    }

    /// Expected: the table's rows, then the dead letters' reasons.
    void query(const Block& block) {
        testing::MemoryTopics topics;
        testing::MemoryTables tables;
        create(topics);
        auto spec = query_spec(block);
        auto engine = make_native_engine(topics, tables, system_clock(), options());
        std::size_t parts = way_ == Way::restarted ? 2 : 1;
        for (std::size_t part = 0; part < parts; ++part) {
            fill(topics, part, part + 1, parts);
            auto started = engine->start("test", spec, specs());
            ASSERT_TRUE(started) << started.error().text;
            auto done = engine->wait_caught_up("q", 20'000'000);
            ASSERT_TRUE(done) << done.error().text;
            ASSERT_TRUE(engine->stop("q"));
            engine = make_native_engine(topics, tables, system_clock(), options());
        }
        auto expected = block.parts.size() > 1 ? block.parts[1] : Lines();
        std::sort(expected.begin(), expected.end());
        EXPECT_EQ(joined(tables.rows("ks.result")), joined(expected));
        auto reasons = block.parts.size() > 2 ? block.parts[2] : Lines();
        EXPECT_EQ(joined(dead_letters(topics)), joined(reasons));
    }

    Lines dead_letters(testing::MemoryTopics& topics) {
        Lines out;
        for (const auto& topic : topics_) {
            auto info = topics.info(topic.spec.name + ".dlq");
            if (!info) continue;
            for (std::size_t i = 0; i < info->partitions.size(); ++i) {
                auto set = topics.read(topic.spec.name + ".dlq", std::int32_t(i), 0, 1 << 20);
                for (const auto& record : set->records)
                    for (const auto& header : broker::decode_headers(record.headers))
                        if (header.name == "penstock.dlq.reason") out.emplace_back(header.value);
            }
        }
        std::sort(out.begin(), out.end());
        return out;
    }

    void select(const Block& block) {
        testing::MemoryTopics topics;
        testing::MemoryTables tables;
        create(topics);
        fill(topics, 0, 1, 1);
        auto engine = make_native_engine(topics, tables, system_clock(), options());
        auto result = engine->select(joined(block.parts[0]));
        ASSERT_TRUE(result) << result.error().text;
        auto rows = row_texts(*result);
        auto expected = block.parts.size() > 1 ? block.parts[1] : Lines();
        if (block.arguments == "sorted") std::sort(rows.begin(), rows.end());
        EXPECT_EQ(joined(rows), joined(expected));
    }

    /// "expression => text" in each line.
    void values(const Block& block) {
        testing::MemoryTopics topics;
        testing::MemoryTables tables;
        auto engine = make_native_engine(topics, tables, system_clock(), options());
        for (const auto& line : block.parts[0]) {
            SCOPED_TRACE(line);
            auto arrow = line.find(" => ");
            ASSERT_NE(arrow, line.npos);
            auto result = engine->select("SELECT " + line.substr(0, arrow));
            auto expected = line.substr(arrow + 4);
            if (expected.starts_with("error: ")) {
                ASSERT_FALSE(result);
                EXPECT_NE(result.error().text.find(expected.substr(7)), std::string::npos)
                    << result.error().text;
                continue;
            }
            if (!result) {
                ADD_FAILURE() << result.error().text;
                continue;
            }
            EXPECT_EQ(value_text(result->columns[0], 0), expected);
        }
    }

    void error(const Block& block) {
        testing::MemoryTopics topics;
        testing::MemoryTables tables;
        create(topics);
        fill(topics, 0, 1, 1);
        auto engine = make_native_engine(topics, tables, system_clock(), options());
        auto spec = query_spec(block);
        std::string got;
        auto problems = engine->check(spec, specs());
        if (!spec.key.empty()) {
            ASSERT_FALSE(problems.empty());
            got = fmt::format("line {}, column {}: {}", problems[0].line, problems[0].column,
                              render(problems[0], spec.sql.text));
        } else {
            auto result = engine->select(spec.sql.text);
            ASSERT_FALSE(result);
            got = result.error().text;
        }
        EXPECT_EQ(got, joined(block.parts[1]));
    }

    std::vector<Block> blocks_;
    Way way_;
    std::vector<InputTopic> topics_;
};

/// tests/sql, in the source tree that this program was built in.
std::filesystem::path folder() {
    for (auto at = std::filesystem::read_symlink("/proc/self/exe"); at.has_relative_path();
         at = at.parent_path())
        if (std::filesystem::exists(at / "tests" / "sql" / "README.md")) return at / "tests" / "sql";
    return "tests/sql";
}

std::vector<std::string> files() {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder()))
        if (entry.path().extension() == ".test") out.push_back(entry.path().stem());
    std::sort(out.begin(), out.end());
    return out;
}

class SqlFileTest : public ::testing::TestWithParam<std::string> {
protected:
    void run(Way way) { SqlFile(read_blocks(folder() / (GetParam() + ".test")), way).run(); }
};

TEST_P(SqlFileTest, Straight) {
    run(Way::straight);
}
TEST_P(SqlFileTest, RestartedHalfWay) {
    run(Way::restarted);
}
TEST_P(SqlFileTest, RowByRow) {
    run(Way::row_by_row);
}

INSTANTIATE_TEST_SUITE_P(Files, SqlFileTest, ::testing::ValuesIn(files()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace penstock::stream
