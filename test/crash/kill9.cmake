# Looks into the log of the real hub after kill9.sh has killed it.
add_executable(kill9_store ${CMAKE_CURRENT_LIST_DIR}/kill9_store.c)
target_link_libraries(kill9_store PRIVATE d2d_hub d2d_engines d2d_base)
set_target_properties(kill9_store PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test)
