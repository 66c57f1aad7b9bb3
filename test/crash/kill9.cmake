# The real hub, killed at random moments under load; D2D_KILLS of them (50).
add_executable(kill9_store ${CMAKE_CURRENT_LIST_DIR}/kill9_store.c)
target_link_libraries(kill9_store PRIVATE d2d_hub d2d_store d2d_base)
add_test(NAME crash/kill9 COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/kill9.py $<TARGET_FILE:d2dhub>
         $<TARGET_FILE:kill9_store>)
set_tests_properties(crash/kill9 PROPERTIES LABELS daemon TIMEOUT 3600)
