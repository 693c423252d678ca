"""One torch thread in tests: on busy cores the threads of small networks mostly wait for each other."""

import torch

torch.set_num_threads(1)
