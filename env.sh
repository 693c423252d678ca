# Source this: . env.sh — the one place that activates .venv, the built workspace and the DDS profile.
_drift_root=$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")" && pwd)
if [ ! -f "$_drift_root/install/setup.bash" ]; then
  echo "drift is not built yet: run 'make setup' in $_drift_root" >&2
  return 1 2>/dev/null || exit 1
fi
if [ -f "$_drift_root/.venv/bin/activate" ]; then
  . "$_drift_root/.venv/bin/activate"
  for _drift_wheel in "$VIRTUAL_ENV"/lib/python3*/site-packages/ros_*_rclpy-*.dist-info; do
    if [ -e "$_drift_wheel" ]; then # ROS 2 from PyPI, of the distribution in the wheel's name; else an installed one
      export AMENT_PREFIX_PATH="$VIRTUAL_ENV" CMAKE_PREFIX_PATH="$VIRTUAL_ENV"
      _drift_wheel=${_drift_wheel##*/ros_} && export ROS_DISTRO="${_drift_wheel%%_*}"
    fi
  done
  unset _drift_wheel
fi
. "$_drift_root/install/setup.bash"
# The default shared-memory segment is smaller than one 640x480 image; see config/dds/shared_memory.xml.
export FASTDDS_DEFAULT_PROFILES_FILE="${FASTDDS_DEFAULT_PROFILES_FILE:-$_drift_root/config/dds/shared_memory.xml}"
case "${ROS_DISTRO:-}" in # Fast DDS 2 knows only this name; version 3 warns when it is set
  humble | iron | jazzy) export FASTRTPS_DEFAULT_PROFILES_FILE="${FASTRTPS_DEFAULT_PROFILES_FILE:-$FASTDDS_DEFAULT_PROFILES_FILE}" ;;
esac
export RMW_IMPLEMENTATION="${RMW_IMPLEMENTATION:-rmw_fastrtps_cpp}"
export MUJOCO_GL="${MUJOCO_GL:-egl}"
unset _drift_root
