# Spark Connect's messages: generated from src/stream/spark/connect.proto into the build folder. A library of its own, so
# that nobody else sees gRPC's headers, nor their warnings.
set(spark_folder ${CMAKE_BINARY_DIR}/generated/stream/spark)
file(MAKE_DIRECTORY ${spark_folder})
find_program(PROTOC protoc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
set(spark_outputs ${spark_folder}/connect.pb.cc ${spark_folder}/connect.pb.h ${spark_folder}/connect.grpc.pb.cc
    ${spark_folder}/connect.grpc.pb.h)
add_custom_command(
  OUTPUT ${spark_outputs}
  COMMAND ${PROTOC} --proto_path=${CMAKE_SOURCE_DIR}/src --cpp_out=${CMAKE_BINARY_DIR}/generated
          --grpc_out=${CMAKE_BINARY_DIR}/generated --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN}
          ${CMAKE_SOURCE_DIR}/src/stream/spark/connect.proto
  DEPENDS ${CMAKE_SOURCE_DIR}/src/stream/spark/connect.proto
  COMMENT "Generating Spark Connect's messages")
add_library(spark_connect STATIC ${spark_outputs})
target_include_directories(spark_connect PRIVATE ${CMAKE_BINARY_DIR}/generated)
target_compile_options(spark_connect PRIVATE -w)
set(spark_libraries ${PROTOBUF_LIBRARY})
foreach(name grpc++ grpc gpr absl_synchronization)
  find_library(SPARK_${name}_LIBRARY ${name} REQUIRED)
  list(APPEND spark_libraries ${SPARK_${name}_LIBRARY})
endforeach()
target_link_libraries(spark_connect PUBLIC ${spark_libraries})
