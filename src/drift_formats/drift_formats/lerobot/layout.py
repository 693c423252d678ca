"""The names and sizes of LeRobot's dataset v3.0, as lerobot 0.6.1 writes and reads them."""

VERSION = "v3.0"
INFO_FILE = "meta/info.json"
STATS_FILE = "meta/stats.json"
TASKS_FILE = "meta/tasks.parquet"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
FILES_PER_CHUNK = 1000
DATA_FILE_MB = 100
VIDEO_FILE_MB = 200

STATE, ACTION, IMAGES = "observation.state", "action", "observation.images."
INTERVENTION = "intervention"
REWARD, DONE, SUCCESS = "next.reward", "next.done", "next.success"
INDICES = ("timestamp", "frame_index", "episode_index", "index", "task_index")  # in every set

# Columns of our own. None begins with "observation" or "action": LeRobot takes every one that does for an
# input or an output of its policies (`dataset_to_policy_features`). Stamps are whole nanoseconds, since its
# reader hands out float64 columns as float32, which is 128 s in a stamp of today.
OBSERVATION_STAMP, ACTION_STAMP = "drift.observation_stamp_ns", "drift.action_stamp_ns"
FRAME_STAMP, FRAME_ARRIVAL = "drift.frame_stamp_ns.", "drift.frame_arrival_ns."  # and the camera
STEP = "drift.step."  # and a field of StepRecord
META = "drift/meta"  # column of the episodes: EpisodeMeta as JSON
