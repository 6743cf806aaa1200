"""DataParallel: a module run on parts of a batch by several devices."""

from facula.nn.modules.module import Module

__all__ = ["DataParallel", "data_parallel"]


class DataParallel(Module):
    """The module itself while there is no accelerator; its parameters are named `module.*`."""

    def __init__(self, module, device_ids=None, output_device=None, dim=0):
        super().__init__()
        self.module = module
        self.device_ids = []

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)


def data_parallel(module, inputs, device_ids=None, output_device=None, dim=0, module_kwargs=None):
    """Raises: there are no devices to run parts of the batch."""
    raise RuntimeError("device type could not be determined")
