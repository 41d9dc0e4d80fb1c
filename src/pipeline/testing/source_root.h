// Where the source tree is, for tests that read its files: the folder with layers.toml above the
// test program.
#pragma once

#include <filesystem>

namespace penstock::pipeline {

inline std::filesystem::path source_root() {
    auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    while (!std::filesystem::exists(folder / "layers.toml") && folder != folder.root_path())
        folder = folder.parent_path();
    return folder;
}

}  // namespace penstock::pipeline
