# Source this: . env.sh — the one place that activates .venv, the built workspace and the DDS profile.
# ROS=jazzy or kilted chooses between the distributions from PyPI, also in a shell that had the other one.
_drift_root=$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")" && pwd)
. "$_drift_root/setup/distribution.sh"
if [ -z "$drift_ros" ] || [ ! -f "$_drift_root/install$drift_suffix/setup.bash" ]; then
  [ -z "$drift_ros" ] || echo "drift is not built yet: run 'make setup${ROS:+ ROS=$ROS}' in $_drift_root" >&2
  return 1 2>/dev/null || exit 1
fi
_drift_others() { # a list of paths without what this folder has put into it
  printf '%s' "$1" | tr : '\n' | grep -vF -e "$_drift_root/.venv" -e "$_drift_root/install" -e "$_drift_root/build" | paste -sd : -
}
PATH=$(_drift_others "$PATH")
export PYTHONPATH="$(_drift_others "${PYTHONPATH:-}")" LD_LIBRARY_PATH="$(_drift_others "${LD_LIBRARY_PATH:-}")"
export COLCON_PREFIX_PATH="$(_drift_others "${COLCON_PREFIX_PATH:-}")" DRIFT_BUILD="$_drift_root/build$drift_suffix"
unset -f _drift_others
if [ -f "$_drift_root/.venv$drift_suffix/bin/activate" ]; then
  . "$_drift_root/.venv$drift_suffix/bin/activate"
  for _drift_wheel in "$VIRTUAL_ENV"/lib/python3*/site-packages/ros_*_rclpy-*.dist-info; do
    if [ -e "$_drift_wheel" ]; then # ROS 2 from PyPI, of the distribution in the wheel's name; else an installed one
      export AMENT_PREFIX_PATH="$VIRTUAL_ENV" CMAKE_PREFIX_PATH="$VIRTUAL_ENV"
      _drift_wheel=${_drift_wheel##*/ros_} && export ROS_DISTRO="${_drift_wheel%%_*}"
    fi
  done
  unset _drift_wheel
fi
. "$_drift_root/install$drift_suffix/setup.bash"
# The default shared-memory segment is smaller than one 640x480 image; see config/dds/shared_memory.xml.
export FASTDDS_DEFAULT_PROFILES_FILE="${FASTDDS_DEFAULT_PROFILES_FILE:-$_drift_root/config/dds/shared_memory.xml}"
case "${ROS_DISTRO:-}" in # Fast DDS 2 knows only this name; version 3 warns when it is set
  humble | iron | jazzy) export FASTRTPS_DEFAULT_PROFILES_FILE="${FASTRTPS_DEFAULT_PROFILES_FILE:-$FASTDDS_DEFAULT_PROFILES_FILE}" ;;
  *) if [ "${FASTRTPS_DEFAULT_PROFILES_FILE:-}" = "$FASTDDS_DEFAULT_PROFILES_FILE" ]; then unset FASTRTPS_DEFAULT_PROFILES_FILE; fi ;;
esac
export RMW_IMPLEMENTATION="${RMW_IMPLEMENTATION:-rmw_fastrtps_cpp}"
export MUJOCO_GL="${MUJOCO_GL:-egl}"
unset _drift_root drift_ros drift_suffix
