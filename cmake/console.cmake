# The web console and openapi.json, built into the folder monitor. Included where that target is defined.
#   PENSTOCK_CONSOLE=ON   npm builds console/ when its sources have changed (default in Release)
#   PENSTOCK_CONSOLE=OFF  no npm needed; / says that there is no console
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(console_default OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(console_default ON)
endif()
option(PENSTOCK_CONSOLE "Build the web console into the program" ${console_default})

set(embed ${CMAKE_SOURCE_DIR}/tools/embed_files.py)
set(embedded ${CMAKE_BINARY_DIR}/generated/monitor)
file(MAKE_DIRECTORY ${embedded})

add_custom_command(
  OUTPUT ${embedded}/openapi_file.cc
  COMMAND ${Python3_EXECUTABLE} ${embed} openapi ${embedded}/openapi_file.cc
          ${CMAKE_SOURCE_DIR}/src/monitor/openapi.json
  DEPENDS ${embed} ${CMAKE_SOURCE_DIR}/src/monitor/openapi.json
  COMMENT "Embedding openapi.json" VERBATIM)

if(PENSTOCK_CONSOLE)
  find_program(NPM npm REQUIRED)
  set(console ${CMAKE_SOURCE_DIR}/console)
  file(GLOB_RECURSE console_sources CONFIGURE_DEPENDS ${console}/src/* ${console}/public/*)
  list(APPEND console_sources ${console}/index.html ${console}/vite.config.ts ${console}/tsconfig.json)
  # npm's own note of what is installed: it goes away with the packages.
  set(installed ${console}/node_modules/.package-lock.json)
  set(built ${CMAKE_BINARY_DIR}/console.stamp)
  add_custom_command(
    OUTPUT ${installed}
    COMMAND ${NPM} ci --no-audit --no-fund --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${installed}
    DEPENDS ${console}/package.json ${console}/package-lock.json
    WORKING_DIRECTORY ${console} COMMENT "Fetching the console's packages" VERBATIM)
  add_custom_command(
    OUTPUT ${built}
    COMMAND ${NPM} run --silent build -- --outDir ${CMAKE_BINARY_DIR}/console --emptyOutDir
    COMMAND ${CMAKE_COMMAND} -E touch ${built}
    DEPENDS ${installed} ${console_sources}
    WORKING_DIRECTORY ${console} COMMENT "Building the console" VERBATIM)
  add_custom_command(
    OUTPUT ${embedded}/console_files.cc
    COMMAND ${Python3_EXECUTABLE} ${embed} console ${embedded}/console_files.cc ${CMAKE_BINARY_DIR}/console
    DEPENDS ${embed} ${built}
    COMMENT "Embedding the console" VERBATIM)
else()
  add_custom_command(
    OUTPUT ${embedded}/console_files.cc
    COMMAND ${Python3_EXECUTABLE} ${embed} console ${embedded}/console_files.cc
    DEPENDS ${embed}
    COMMENT "Leaving the console out" VERBATIM)
endif()

target_sources(monitor PRIVATE ${embedded}/openapi_file.cc ${embedded}/console_files.cc)
set_source_files_properties(${embedded}/openapi_file.cc ${embedded}/console_files.cc PROPERTIES
                            SKIP_PRECOMPILE_HEADERS ON)
