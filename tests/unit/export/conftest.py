"""An example conversation and rows of a dataset, as fixtures."""

from example_rows import conversation, row

__all__ = ["conversation", "row"]
