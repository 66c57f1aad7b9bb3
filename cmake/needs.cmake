# Libraries that are not ours. What is missing is collected, and told in one message with the names of Debian's
# packages.
find_program(PKG_CONFIG_EXECUTABLE NAMES pkg-config pkgconf)
if(NOT PKG_CONFIG_EXECUTABLE)
    message(FATAL_ERROR "pkg-config is missing. On Debian: apt-get install pkg-config")
endif()
find_package(PkgConfig REQUIRED)
set(D2D_MISSING "")

# d2d_need(NAME module… PACKAGE package): the target PkgConfig::NAME, from the modules of pkg-config.
macro(d2d_need name)
    cmake_parse_arguments(NEED "" "PACKAGE" "" ${ARGN})
    pkg_check_modules(${name} QUIET IMPORTED_TARGET ${NEED_UNPARSED_ARGUMENTS})
    if(NOT ${name}_FOUND)
        list(APPEND D2D_MISSING ${NEED_PACKAGE})
    endif()
endmacro()

# d2d_need_library(NAME library PACKAGE package): the variable NAME holds the path of a library without a module.
macro(d2d_need_library name library)
    cmake_parse_arguments(NEED "" "PACKAGE" "" ${ARGN})
    find_library(${name} ${library})
    if(NOT ${name})
        list(APPEND D2D_MISSING ${NEED_PACKAGE})
    endif()
endmacro()

function(d2d_say_what_is_missing)
    if(D2D_MISSING)
        list(JOIN D2D_MISSING " " packages)
        message(FATAL_ERROR "Libraries are missing. On Debian: apt-get install ${packages}")
    endif()
endfunction()
