import pytest
import torch
from drift_core.training.threads import torch_threads


def test_torch_uses_so_many_threads_in_the_block_and_as_many_as_before_after_it_and_after_an_error():
    before = torch.get_num_threads()
    with torch_threads(before + 2):
        assert torch.get_num_threads() == before + 2
        with pytest.raises(RuntimeError, match="diverged"), torch_threads(before + 1):
            assert torch.get_num_threads() == before + 1
            raise RuntimeError("diverged")
        assert torch.get_num_threads() == before + 2
    assert torch.get_num_threads() == before
