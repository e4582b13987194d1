"""Images as tensors, rendering a batch, the recipe, the step, the loop, checkpoints."""
