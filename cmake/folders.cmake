# What a folder of src/ is to the build.

# d2d_folder(name [USES folder…] [HEADERS folder…] [LIBS library…]): src/name as a static library. Its own folder and those that it uses are
# on its include path, nothing else of ours: a forbidden include does not compile.
function(d2d_folder name)
    cmake_parse_arguments(A "" "" "USES;HEADERS;LIBS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.c)
    if(NOT sources)
        add_library(d2d_${name} INTERFACE)
        return()
    endif()
    add_library(d2d_${name} STATIC ${sources})
    target_include_directories(d2d_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src/${name} ${A_HEADERS})
    foreach(used IN LISTS A_USES)
        target_include_directories(d2d_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src/${used})
        target_link_libraries(d2d_${name} INTERFACE d2d_${used})
        add_dependencies(d2d_${name} d2d_${used})
    endforeach()
    target_link_libraries(d2d_${name} PUBLIC ${A_LIBS})
endfunction()

# d2d_program(name [USES folder…] [LIBS library…]): src/name as a program of that name.
function(d2d_program name)
    cmake_parse_arguments(A "" "" "USES;LIBS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.c)
    if(NOT sources)
        return()
    endif()
    add_executable(${name} ${sources})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src/${name} ${PROJECT_SOURCE_DIR}/include)
    foreach(used IN LISTS A_USES)
        target_link_libraries(${name} PRIVATE d2d_${used})
    endforeach()
    target_link_libraries(${name} PRIVATE ${A_LIBS})
endfunction()

# d2d_no_world(folder…): after the build of each, nm -u must show nothing that reaches outside.
function(d2d_no_world)
    foreach(name IN LISTS ARGN)
        get_target_property(kind d2d_${name} TYPE)
        if(kind STREQUAL "INTERFACE_LIBRARY")
            continue()
        endif()
        add_custom_command(TARGET d2d_${name} POST_BUILD
            COMMAND ${PROJECT_SOURCE_DIR}/tools/no-world.sh $<TARGET_FILE:d2d_${name}> VERBATIM)
    endforeach()
endfunction()

# libd2d, static and shared: only what include/d2d.h marks is visible.
function(d2d_client_library)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/client/*.c)
    if(NOT sources)
        return()
    endif()
    foreach(kind STATIC SHARED)
        string(TOLOWER ${kind} suffix)
        set(target libd2d_${suffix})
        set(objects "")
        foreach(folder base wire ident net client)
            file(GLOB folder_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*.c)
            if(folder_sources)
                list(APPEND objects ${folder_sources})
            endif()
        endforeach()
        add_library(${target} ${kind} ${objects})
        target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/include PRIVATE
            ${PROJECT_SOURCE_DIR}/src/base ${PROJECT_SOURCE_DIR}/src/wire ${PROJECT_SOURCE_DIR}/src/ident
            ${PROJECT_SOURCE_DIR}/src/net ${PROJECT_SOURCE_DIR}/src/client)
        target_link_libraries(${target} PRIVATE PkgConfig::OPENSSL PkgConfig::UV PkgConfig::PROTON PkgConfig::JANSSON
            PkgConfig::XXHASH ${HTTP_PARSER} Threads::Threads)
        set_target_properties(${target} PROPERTIES OUTPUT_NAME d2d SOVERSION 0 VERSION ${PROJECT_VERSION}
            ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
    endforeach()
endfunction()

# Each examples/*.c is a program on libd2d alone, as a user would build it.
function(d2d_examples)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*.c)
    foreach(source IN LISTS sources)
        get_filename_component(name ${source} NAME_WE)
        add_executable(example-${name} ${source})
        target_link_libraries(example-${name} PRIVATE libd2d_static)
        set_target_properties(example-${name} PROPERTIES OUTPUT_NAME ${name}
            RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
    endforeach()
endfunction()

function(d2d_install)
    if(TARGET d2dhub)
        install(TARGETS d2dhub DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
    if(TARGET libd2d_shared)
        install(TARGETS libd2d_static libd2d_shared
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
        install(FILES ${PROJECT_SOURCE_DIR}/include/d2d.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
        configure_file(${PROJECT_SOURCE_DIR}/packaging/d2d.pc.in ${PROJECT_BINARY_DIR}/d2d.pc @ONLY)
        install(FILES ${PROJECT_BINARY_DIR}/d2d.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
    endif()
    if(TARGET d2d)
        install(TARGETS d2d DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
    file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/doc/*.1)
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endfunction()
