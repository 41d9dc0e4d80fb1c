// A shell command as a process group of its own.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace penstock::orchestrate {

struct ShellCommand {
    std::string command;                                           ///< for /bin/sh -c
    std::vector<std::pair<std::string, std::string>> environment;  ///< beside that of this process
    std::function<bool()> cancelled;                               ///< polled
    std::function<void(std::string_view)> log;                     ///< each line of its stdout and stderr
    int kill_after_ms = 5000;                                      ///< from SIGTERM to SIGKILL
};

/// How it ended, and the last of what it said.
struct ShellEnd {
    int exit_code = 0;  ///< when signal is 0
    int signal = 0;
    std::string last_lines;
    bool success() const { return exit_code == 0 && signal == 0; }
    std::string describe() const;  ///< "exit code 3: No such file"
};

/// Runs it and waits for it; whatever it leaves behind in its process group is sent SIGTERM. When cancelled:
/// SIGTERM to the group, and SIGKILL after a while. Errc::io when it cannot be started.
Result<ShellEnd> run_shell(const ShellCommand& command);

}  // namespace penstock::orchestrate
