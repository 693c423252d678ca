"""Parameters of the policy node; the values stand in config/nodes.yaml."""

from pathlib import Path
from typing import Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=STRICT)
class PolicyNodeConfig:
    """Files, sampler and pace."""

    robot_file: Path  # config/robots/<robot>.yaml
    task_file: Path  # config/tasks/<task>.yaml
    checkpoint_folder: Path  # where LATEST is looked up at start; may be empty or missing
    checkpoint_file: str  # this checkpoint instead of the one that LATEST names; "" for LATEST
    autostart: bool  # configure and activate by itself; false where launch does it
    image_transport: Literal["raw", "compressed"]
    sampler: Annotated[str, Field(min_length=1)]  # "ddim-8", "rti-3", …
    engine: Literal["auto", "eager", "openvino", "openvino_bf16", "cuda_graph"]  # runs the network
    device: Literal["auto", "cpu", "cuda"]  # auto: cuda where there is one
    replan_steps: Annotated[int, Field(ge=1)]  # steps of a chunk that are used before the next is computed
    realtime_chunking: bool  # impose the steps that run during inference, in-paint the rest
    idle_rate_hz: Annotated[float, Field(gt=0.0)]  # chunks per second while the policy does not drive
    # a camera or the joints silent for longer, or an observation that reaches back further: no chunks
    input_timeout_s: Annotated[float, Field(gt=0.0)]
    camera_repeat_s: Annotated[float, Field(gt=0.0)]  # the same picture, to the bit, for longer ...
    camera_repeat_rad: Annotated[float, Field(gt=0.0)]  # ... while a joint moves by more: not believed
    camera_contrast_min: Annotated[
        float, Field(ge=0.0, le=255.0)
    ]  # standard deviation of grey levels; less: black
    # one inference longer than this is reported; looked at every 0.1 s, so that it is said within one second
    hang_limit_s: Annotated[float, Field(gt=0.0, le=0.9)]
    load_limit_s: Annotated[float, Field(gt=0.0)]  # likewise a checkpoint; a service call waits no longer
    torch_threads: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)]  # of the sampling noise
