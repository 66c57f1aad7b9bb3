# What the rooms of src/ are to the build.

# d2d_room(name [FOLDERS folder…] [USES room…] [HEADERS folder…] [LIBS library…]): src/name as a static library; with
# FOLDERS, what stands in these folders below it belongs to it, too, and is seen by it alone. Its own folders and those
# of the rooms that it uses are on its include path, nothing else of ours: a forbidden include does not compile. The
# library of client/link is d2d_client_link.
function(d2d_room name)
    cmake_parse_arguments(A "" "" "FOLDERS;USES;HEADERS;LIBS" ${ARGN})
    string(REPLACE "/" "_" room ${name})
    set(folders ${PROJECT_SOURCE_DIR}/src/${name})
    list(TRANSFORM A_FOLDERS PREPEND ${PROJECT_SOURCE_DIR}/src/${name}/)
    list(APPEND folders ${A_FOLDERS})
    set(patterns ${folders})
    list(TRANSFORM patterns APPEND /*.c)
    file(GLOB sources CONFIGURE_DEPENDS ${patterns})
    add_library(d2d_${room} STATIC ${sources})
    target_include_directories(d2d_${room} PUBLIC ${PROJECT_SOURCE_DIR}/src/${name} ${A_HEADERS} PRIVATE ${A_FOLDERS})
    set_target_properties(d2d_${room} PROPERTIES D2D_USES "${A_USES}")
    foreach(used IN LISTS A_USES)
        target_include_directories(d2d_${room} PRIVATE ${PROJECT_SOURCE_DIR}/src/${used})
        string(REPLACE "/" "_" used ${used})
        target_link_libraries(d2d_${room} INTERFACE d2d_${used})
        add_dependencies(d2d_${room} d2d_${used})
    endforeach()
    target_link_libraries(d2d_${room} PUBLIC ${A_LIBS})
endfunction()

# d2d_rooms(name room…): all of them under one name, for whoever uses them together.
function(d2d_rooms name)
    add_library(d2d_${name} INTERFACE)
    foreach(room IN LISTS ARGN)
        string(REPLACE "/" "_" room ${room})
        target_link_libraries(d2d_${name} INTERFACE d2d_${room})
    endforeach()
endfunction()

# d2d_program(name [FOLDERS folder…] [USES room…] [LIBS library…]): src/name as a program of that name.
function(d2d_program name)
    cmake_parse_arguments(A "" "" "FOLDERS;USES;LIBS" ${ARGN})
    set(folders ${PROJECT_SOURCE_DIR}/src/${name})
    list(TRANSFORM A_FOLDERS PREPEND ${PROJECT_SOURCE_DIR}/src/${name}/)
    list(APPEND folders ${A_FOLDERS})
    set(patterns ${folders})
    list(TRANSFORM patterns APPEND /*.c)
    file(GLOB sources CONFIGURE_DEPENDS ${patterns})
    add_executable(${name} ${sources})
    target_include_directories(${name} PRIVATE ${folders} ${PROJECT_SOURCE_DIR}/include)
    foreach(used IN LISTS A_USES)
        string(REPLACE "/" "_" used ${used})
        target_link_libraries(${name} PRIVATE d2d_${used})
    endforeach()
    target_link_libraries(${name} PRIVATE ${A_LIBS})
endfunction()

# d2d_manual(program…): doc/<program>.1 in the build folder, the template doc/<program>.1.in with the commands and
# options that the program reads.
function(d2d_manual)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/doc)
    foreach(program IN LISTS ARGN)
        set(page ${PROJECT_BINARY_DIR}/doc/${program}.1)
        set(template ${PROJECT_SOURCE_DIR}/doc/${program}.1.in)
        add_custom_command(OUTPUT ${page} COMMAND ${program} --manual ${template} > ${page}.new
            COMMAND ${CMAKE_COMMAND} -E rename ${page}.new ${page} DEPENDS ${program} ${template} VERBATIM)
        add_custom_target(${program}_manual ALL DEPENDS ${page})
    endforeach()
endfunction()

# d2d_no_world(room…): after the build of each, all that it asks the linker for is of the rooms that it sees or in
# tools/no-world.allowed.
function(d2d_no_world)
    foreach(name IN LISTS ARGN)
        string(REPLACE "/" "_" room ${name})
        get_target_property(uses d2d_${room} D2D_USES)
        set(seen "")
        foreach(used IN LISTS uses)
            string(REPLACE "/" "_" used ${used})
            list(APPEND seen $<TARGET_FILE:d2d_${used}>)
        endforeach()
        add_custom_command(TARGET d2d_${room} POST_BUILD
            COMMAND ${PROJECT_SOURCE_DIR}/tools/no-world.sh ${name} $<TARGET_FILE:d2d_${room}> ${seen} VERBATIM)
    endforeach()
endfunction()

# libd2d, static and shared: only what include/d2d.h marks is visible. The static one is a single object whose hidden
# names were made local, so that none of ours can meet one of the program's. Groups are dissolved: a member that is
# local now must not be dropped for the program's copy.
function(d2d_client_library)
    set(objects "")
    set(archives "")
    foreach(room IN LISTS ARGN)
        string(REPLACE "/" "_" room ${room})
        list(APPEND objects $<TARGET_OBJECTS:d2d_${room}>)
        list(APPEND archives d2d_${room})
    endforeach()
    set(libraries PkgConfig::OPENSSL PkgConfig::UV PkgConfig::PROTON PkgConfig::JANSSON PkgConfig::XXHASH ${CMAKE_DL_LIBS}
        ${HTTP_PARSER} ${WSLAY} Threads::Threads)
    set(folder ${PROJECT_BINARY_DIR}/lib)
    file(MAKE_DIRECTORY ${folder})

    add_library(libd2d_shared SHARED ${objects})
    target_include_directories(libd2d_shared PUBLIC ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(libd2d_shared PRIVATE ${libraries})
    set_target_properties(libd2d_shared PROPERTIES OUTPUT_NAME d2d SOVERSION 0 VERSION ${PROJECT_VERSION}
        LINKER_LANGUAGE C LIBRARY_OUTPUT_DIRECTORY ${folder})

    add_custom_command(OUTPUT ${folder}/libd2d.a
        COMMAND ${CMAKE_LINKER} -r --force-group-allocation -o ${folder}/d2d.o ${objects}
        COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${folder}/d2d.o
        COMMAND ${CMAKE_COMMAND} -E rm -f ${folder}/libd2d.a
        COMMAND ${CMAKE_AR} rcs ${folder}/libd2d.a ${folder}/d2d.o
        DEPENDS ${archives} ${objects} COMMAND_EXPAND_LISTS VERBATIM)
    add_custom_target(libd2d_archive ALL DEPENDS ${folder}/libd2d.a)
    add_library(libd2d_static STATIC IMPORTED GLOBAL)
    set_target_properties(libd2d_static PROPERTIES IMPORTED_LOCATION ${folder}/libd2d.a
        INTERFACE_INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(libd2d_static INTERFACE ${libraries})
    add_dependencies(libd2d_static libd2d_archive)
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

# d2d_install_configured(file.in destination/file): its @VARIABLES@ are replaced when it is installed, by what holds
# then: @CMAKE_INSTALL_PREFIX@, and of the build @PROJECT_VERSION@ and the folders under the prefix.
function(d2d_install_configured source destination)
    install(CODE "
        set(PROJECT_VERSION \"${PROJECT_VERSION}\")
        set(CMAKE_INSTALL_BINDIR \"${CMAKE_INSTALL_BINDIR}\")
        set(CMAKE_INSTALL_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
        set(CMAKE_INSTALL_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
        set(CMAKE_INSTALL_MANDIR \"${CMAKE_INSTALL_MANDIR}\")
        set(installed \"\${CMAKE_INSTALL_PREFIX}/${destination}\")
        message(STATUS \"Installing: \$ENV{DESTDIR}\${installed}\")
        configure_file(\"${CMAKE_CURRENT_SOURCE_DIR}/${source}\" \"\$ENV{DESTDIR}\${installed}\" @ONLY)
        file(CHMOD \"\$ENV{DESTDIR}\${installed}\" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
        list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${installed}\")")
endfunction()

# d2d_install_link(target destination/link): a symbolic link, relative so that it holds below DESTDIR.
function(d2d_install_link target destination)
    install(CODE "
        set(installed \"\${CMAKE_INSTALL_PREFIX}/${destination}\")
        message(STATUS \"Installing: \$ENV{DESTDIR}\${installed}\")
        cmake_path(GET installed PARENT_PATH folder)
        file(MAKE_DIRECTORY \"\$ENV{DESTDIR}\${folder}\")
        file(CREATE_LINK \"${target}\" \"\$ENV{DESTDIR}\${installed}\" SYMBOLIC)
        list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${installed}\")")
endfunction()
