"""torch.utils.model_zoo: downloads of weights by their older name."""

from ..hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]
