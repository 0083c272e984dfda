"""From published rows to token tables, and from token tables to models. The only room that knows torch.

Torch and transformers take seconds to import, so a module of this room is imported inside the function that needs it.
"""
