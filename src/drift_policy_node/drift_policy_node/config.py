"""Parameters of the policy node; the values stand in config/nodes.yaml."""

from pathlib import Path
from typing import Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=STRICT)
class PolicyNodeConfig:
    """Files, sampler and pace."""

    robot_file: Path
    """the arm: config/robots/<robot>.yaml, or <robot>+<gripper>.yaml"""
    task_file: Path
    """config/tasks/<task>.yaml"""
    checkpoint_folder: Path
    """where LATEST is looked up at start, and what is fetched from the trainer is kept; may be missing"""
    checkpoint_file: str
    """this checkpoint instead of the one that LATEST names; empty: LATEST"""
    autostart: bool
    """configure and activate by itself; false where launch does it"""
    image_transport: Literal["raw", "compressed"]
    """of the topics of the cameras"""
    sampler: Annotated[str, Field(min_length=1)]
    """<kind>-<denoising steps>, such as ddim-8 or rti-3"""
    engine: Literal["auto", "eager", "openvino", "openvino_bf16", "cuda_graph"]
    """runs denoiser and encoders; auto: of each the fastest on the device"""
    device: Literal["auto", "cpu", "cuda"]
    """auto: cuda where there is one"""
    replan_steps: Annotated[int, Field(ge=1)]
    """steps of a chunk that are used before the next is computed"""
    realtime_chunking: bool
    """impose the steps that run during inference, in-paint the rest"""
    foresight: bool
    """compare what is seen with what was foreseen (`future_error`); who foresees nothing is refused"""
    idle_rate_hz: Annotated[float, Field(gt=0.0)]
    """chunks per second while the policy does not drive"""
    input_timeout_s: Annotated[float, Field(gt=0.0)]
    """a camera or the joints silent for longer, or an observation that reaches back further: no chunks"""
    camera_repeat_s: Annotated[float, Field(gt=0.0)]
    """a camera that shows the same picture, to the bit, for longer …"""
    camera_repeat_rad: Annotated[float, Field(gt=0.0)]
    """… while a joint moves by more is not believed"""
    camera_contrast_min: Annotated[float, Field(ge=0.0, le=255.0)]
    """standard deviation of grey levels; a picture with less is black"""
    hang_limit_s: Annotated[float, Field(gt=0.0, le=0.9)]
    """one inference longer than this is reported, at most 0.1 s later"""
    load_limit_s: Annotated[float, Field(gt=0.0)]
    """a checkpoint that loads for longer is reported; a service call waits no longer"""
    fetch_mb_s: Annotated[float, Field(gt=0.0)]
    """at most so many MB/s when a checkpoint is fetched from a trainer on another disk"""
    torch_threads: Annotated[int, Field(ge=1)]
    """of one inference on a CPU"""
    seed: Annotated[int, Field(ge=0)]
    """of the sampling noise"""
