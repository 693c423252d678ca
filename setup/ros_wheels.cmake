# CMake dependency provider. The ROS 2 wheels export include paths of the machine that built them
# (/opt/python/cp3*); CMake refuses targets with paths that do not exist. Drop them after each find_package.
# Without such paths, as on an ordinary ROS installation, this changes nothing.

macro(drift_find_package method dependency)
  find_package(${dependency} ${ARGN} BYPASS_PROVIDER)
  get_property(_drift_targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(_drift_target IN LISTS _drift_targets)
    get_target_property(_drift_includes ${_drift_target} INTERFACE_INCLUDE_DIRECTORIES)
    if(_drift_includes)
      list(FILTER _drift_includes EXCLUDE REGEX "^/opt/python/cp3")
      set_target_properties(${_drift_target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_drift_includes}")
    endif()
  endforeach()
endmacro()

cmake_language(SET_DEPENDENCY_PROVIDER drift_find_package SUPPORTED_METHODS FIND_PACKAGE)
