#include "pipeline/load.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "pipeline/document.h"
#include "pipeline/draft.h"
#include "pipeline/names.h"
#include "pipeline/references.h"
#include "pipeline/section_reader.h"

namespace penstock::pipeline {
namespace {

namespace fs = std::filesystem;

struct Bytes {
    std::string text;
    std::optional<std::string> refused;
};

Bytes read_bytes(const std::string& path) {
    std::error_code error;
    auto status = fs::status(path, error);
    if (!fs::exists(status)) return {{}, "no such file"};
    if (!fs::is_regular_file(status)) return {{}, "not a file"};
    std::ifstream in(path, std::ios::binary);
    if (!in) return {{}, "cannot be read; check its permissions"};
    // One byte more than allowed is enough to know that it is too much.
    std::string text(DocumentLimits{}.max_bytes + 1, '\0');
    in.read(text.data(), std::streamsize(text.size()));
    if (in.bad()) return {{}, "cannot be read"};
    text.resize(std::size_t(in.gcount()));
    if (text.size() > DocumentLimits{}.max_bytes)
        return {{},
                fmt::format("longer than {} bytes, the most that a pipeline file may be",
                            DocumentLimits{}.max_bytes)};
    return {std::move(text), std::nullopt};
}

Loaded loaded_of(Draft draft) {
    Loaded loaded;
    loaded.file = draft.pipeline.file;
    loaded.source_text = draft.pipeline.source_text;
    loaded.problems = draft.problems.take();
    if (loaded.problems.empty()) loaded.pipeline = std::move(draft.pipeline);
    return loaded;
}

Draft draft_of_file(const std::string& path) {
    auto bytes = read_bytes(path);
    if (!bytes.refused) return draft_of(bytes.text, path);
    Draft draft(path);
    draft.problems.add({}, *bytes.refused);
    return draft;
}

/// Names that must be unique among the files of a folder, with where each was first seen.
class FolderNames {
public:
    void claim(Draft& draft, std::string_view noun, const std::string& name, Place place) {
        auto [at, fresh] =
            owners_.emplace(fmt::format("{} '{}'", noun, name), Owner{draft.pipeline.file, place});
        if (fresh || at->second.file == draft.pipeline.file) return;
        draft.problems.add(place, fmt::format("{} is defined in {}:{} already", at->first, at->second.file,
                                              at->second.place.line));
    }

private:
    struct Owner {
        std::string file;
        Place place;
    };
    std::map<std::string, Owner> owners_;
};

void claim_names(FolderNames& names, Draft& draft) {
    const auto& pipeline = draft.pipeline;
    if (!pipeline.name.empty()) names.claim(draft, "pipeline", pipeline.name, draft.name_place);
    // A task runs a source or a query by its name alone, so they share their names.
    for (const auto& source : pipeline.sources)
        names.claim(draft, "source or query", source.name, source.place);
    for (const auto& query : pipeline.queries) names.claim(draft, "source or query", query.name, query.place);
    for (const auto& topic : pipeline.topics) names.claim(draft, "topic", topic.name, topic.place);
    for (const auto& dag : pipeline.dags) names.claim(draft, "dag", dag.name, dag.place);
}

}  // namespace

Loaded load_text(std::string_view text, std::string_view file) {
    auto draft = draft_of(text, file);
    check_topics(draft.pipeline, topics_of(draft.pipeline), draft.problems);
    return loaded_of(std::move(draft));
}

Loaded load_file(const std::string& path) {
    auto draft = draft_of_file(path);
    check_topics(draft.pipeline, topics_of(draft.pipeline), draft.problems);
    return loaded_of(std::move(draft));
}

std::vector<Loaded> load_folder(const std::string& path) {
    std::vector<std::string> files;
    std::error_code error;
    for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
        auto extension = entry->path().extension();
        std::error_code ignored;
        if ((extension == ".yaml" || extension == ".yml") && !entry->is_directory(ignored))
            files.push_back(entry->path().string());
    }
    if (error) {
        Draft draft(path);
        draft.problems.add({}, fmt::format("the folder cannot be read: {}", error.message()));
        std::vector<Loaded> one;
        one.push_back(loaded_of(std::move(draft)));
        return one;
    }
    std::sort(files.begin(), files.end());

    std::vector<Draft> drafts;
    FolderNames names;
    Names topics;
    for (const auto& file : files) {
        drafts.push_back(draft_of_file(file));
        claim_names(names, drafts.back());
        topics.merge(topics_of(drafts.back().pipeline));
    }
    std::vector<Loaded> all;
    for (auto& draft : drafts) {
        check_topics(draft.pipeline, topics, draft.problems);
        all.push_back(loaded_of(std::move(draft)));
    }
    return all;
}

}  // namespace penstock::pipeline
