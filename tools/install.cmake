# Installs what packaging/CMakeLists.txt lists, and keeps the list of it in share/d2d under the prefix, for `make
# uninstall`.
include(${BUILD}/packaging/cmake_install.cmake)
set(list ${CMAKE_INSTALL_PREFIX}/share/d2d/installed)
list(APPEND CMAKE_INSTALL_MANIFEST_FILES ${list})
list(JOIN CMAKE_INSTALL_MANIFEST_FILES "\n" lines)
file(WRITE "$ENV{DESTDIR}${list}" "${lines}\n")
