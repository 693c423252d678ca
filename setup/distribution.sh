# Source this: which ROS 2 from PyPI, and where its environment and its build lie. ROS=jazzy or kilted chooses; each has
# folders of its own, those of the default without a suffix.
drift_ros=${ROS:-kilted}
case "$drift_ros" in
  kilted) drift_suffix="" ;;
  jazzy) drift_suffix=-jazzy ;;
  *) drift_ros="" && echo "ROS=$ROS must be jazzy or kilted" >&2 ;;
esac
