// What to say of a command line that cannot be understood.
#pragma once

#include <string>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace penstock::app {

/// For CLI::App::failure_message. Names the word that is no command, and the command that may have been
/// meant.
std::string wrong_usage(const CLI::App* app, const CLI::Error& error);

}  // namespace penstock::app
