# Kafka's messages: generated from src/wire/kafka/*.schema into the build folder, compiled into the library wire.
file(GLOB wire_schemas CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/wire/kafka/*.schema)
set(wire_folder ${CMAKE_BINARY_DIR}/generated/wire/kafka)
set(wire_sources)
set(wire_headers ${wire_folder}/messages.h)
foreach(schema ${wire_schemas})
  get_filename_component(api ${schema} NAME_WE)
  list(APPEND wire_sources ${wire_folder}/${api}.cc)
  list(APPEND wire_headers ${wire_folder}/${api}.h)
endforeach()
add_custom_command(
  OUTPUT ${wire_sources} ${wire_headers}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/generate_wire.py ${wire_folder} ${wire_schemas}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/generate_wire.py ${wire_schemas}
  COMMENT "Generating Kafka's messages")
# The custom command belongs to a target of its own, on which whoever includes the headers waits.
add_custom_target(wire_messages DEPENDS ${wire_sources} ${wire_headers})
target_sources(wire PRIVATE ${wire_sources})
add_dependencies(wire wire_messages)
if(PENSTOCK_UNITY)  # none of them has names of its own
  set(number 0)
  foreach(source ${wire_sources})
    math(EXPR batch "${number} / 12")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP generated_${batch})
    math(EXPR number "${number} + 1")
  endforeach()
endif()
