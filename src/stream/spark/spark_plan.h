// What Penstock says to Spark, as SQL: a Kafka topic decoded to the relation that the embedded engine gives,
// the rows as a table or a topic takes them, and the records that do not fit. The query's own SQL goes there
// as it is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/spec.h"
#include "stream/plan/plan.h"
#include "stream/sql/error.h"

namespace penstock::stream {

/// What is seen in a query's text without knowing its columns.
struct SparkText {
    std::vector<std::string> topics;  ///< in the order of their first mention
    std::set<std::string> metadata;   ///< _key, _offset, ... as far as they are named
    bool has_group_by = false;
    bool understood = false;    ///< by our own parser; what follows is known only then
    std::size_t items_end = 0;  ///< byte behind the last item of the SELECT list
    bool has_star = false;
    bool is_simple = false;                    ///< neither DISTINCT, ORDER BY nor LIMIT
    std::string alias;                         ///< how the query calls its topic
    std::string where;                         ///< the condition, as written; empty: none
    std::map<std::string, std::string> items;  ///< output column -> expression, as written
};

/// is_topic says which names are topics. An error when the text has no tokens that SQL has.
SqlResult<SparkText> read_spark_text(std::string_view sql,
                                     const std::function<bool(const std::string&)>& is_topic);

/// A topic as a query on Spark reads it.
struct SparkTopic {
    std::string name;
    pipeline::Format format = pipeline::Format::json;
    DataType columns{
        DataType::Shape::object};    ///< those that are decoded; none: the payload is not looked at
    std::set<std::string> metadata;  ///< the columns _key, _offset, ... that the relation has
    std::int32_t dead_letter_partitions = 1;
};

/// Only what the plan scans. Values that are used as text only, in whatever type they come, are STRING; so
/// are whole objects and arrays when as_text.
DataType spark_columns(const DataType& all, const std::vector<ScanColumn>& scan, bool as_text);

/// `name`
std::string spark_name(std::string_view name);
/// 'text'
std::string spark_string(std::string_view text);
/// The DDL as Spark's from_json takes it.
std::string spark_ddl(const DataType& object);

/// The topic's relation over the view raw, which has Kafka's columns.
std::string topic_sql(const SparkTopic& topic, std::string_view raw);

/// The records of raw that do not fit, as rows of a Kafka sink: key, value, partition, headers. keys: for
/// each key column of a table its expression; records whose key is null do not fit either. None when every
/// record fits.
std::optional<std::string> dead_letters_sql(const SparkTopic& topic, std::string_view raw,
                                            std::string_view query, const SparkText& text,
                                            const std::vector<std::string>& keys);

/// A column of a query's result, as Spark says what it is.
struct SparkColumn {
    enum class Kind {
        boolean,
        int32,
        int64,
        float64,
        string,
        binary,
        date,
        timestamp,
        nested,        ///< a struct, array or map: JSON
        as_int,        ///< smaller whole numbers
        as_double,     ///< FLOAT and DECIMAL
        as_timestamp,  ///< without a time zone
        as_text,       ///< everything else
    };
    std::string name;
    Kind kind = Kind::string;
    /// As the embedded engine has it.
    TypeId type() const;
};

/// The rows of the view rows as a table takes them. extra: columns that are taken as they are.
std::string table_rows_sql(const std::vector<SparkColumn>& columns, const std::vector<std::string>& keys,
                           const std::vector<std::string>& extra, std::string_view rows);
/// The rows as a Kafka sink takes them: key and value, JSON as the embedded engine writes it. exact: times
/// keep their microseconds. not_null: rows whose key has a null are left out.
std::string topic_rows_sql(const std::vector<SparkColumn>& columns, const std::vector<std::string>& keys,
                           bool exact, bool not_null, std::string_view rows);
/// The rows of a bounded query, in the types that spark_rows.h reads.
std::string bounded_rows_sql(const std::vector<SparkColumn>& columns, std::string_view rows);

/// The name that a column with each row's offset gets, for the rows' write timestamps.
inline constexpr std::string_view write_time_column = "penstock_write_us";
/// sql with one more output column: first_us and the record's offset.
std::string with_write_time(std::string_view sql, const SparkText& text, std::int64_t first_us);

}  // namespace penstock::stream
